"""The program of the node agent.

Usage   python3 -m standin.agent CONFIGURATION STATE
CONFIGURATION is a directory with config.json (server, token, node, address, labels, taints) and ca.crt; what the agent
remembers is kept in the directory STATE.
"""

import json
import logging
import math
import shutil
import sys
import threading
import time
from pathlib import Path

from .. import kinds
from ..objects import Object, dig, now, uid_of
from . import containerd
from .client import Client, Failure
from .containerd import RuntimeFailure
from .events import Events
from .node import Identity, new_node, status_of
from .pod import Pod, Unreachable
from .pulls import Puller
from .records import HOME, Records, read_policy
from .runtime import Runtime
from .supply import Tools

log = logging.getLogger("agent")

HEARTBEAT_S = 10.0
LOOK_S = 2.0
"""How often to check for containerd while it is down."""

LOGS = Path("/var/log/pods")


class Agent:
    """The agent of one node: registers it, sends heartbeats, and runs a thread for each of its pods."""

    def __init__(self, configuration: Path, state: Path) -> None:
        config = json.loads((configuration / "config.json").read_text())
        self._client = Client(config["server"], config["token"], configuration / "ca.crt")
        self._identity = Identity(config["node"], config["address"], config["labels"], config["taints"])
        self._state = state
        self._events = Events(self._client, self._identity.name)
        puller = Puller(state, Records(HOME, read_policy(HOME / "config.yaml")))
        self._tools = Tools(self._client, self._events, puller, self._identity.address, state, LOGS)
        self._pods: dict[str, Pod] = {}
        self._runtime = Runtime(state)
        self._node: Object | None = None  # the node object as the server last returned it
        self._told = -math.inf
        self._was_up: bool | None = None
        self._recovered = False

    def run(self) -> None:
        """Run forever."""
        threading.Thread(target=self._live, name="heartbeat", daemon=True).start()
        while True:
            try:
                self._follow()
            except (Failure, RuntimeFailure, *Unreachable) as error:
                log.warning("pods: %s", error)
                time.sleep(1)

    def _live(self) -> None:
        while True:
            rest_s = LOOK_S
            try:
                rest_s = self._look()
            except (Failure, *Unreachable) as error:
                self._node = None
                log.warning("heartbeat: %s", error)
            except Exception:
                log.exception("heartbeat")
            self._runtime.rest(rest_s)

    def _look(self) -> float:
        """Send a heartbeat if it is due or the status changed; return the seconds until the next check."""
        runs = self._runtime.runs()
        since = time.monotonic() - self._told
        if since >= HEARTBEAT_S or runs != self._was_up:
            if since > 2 * HEARTBEAT_S:  # the server may have marked the node as lost meanwhile
                self._node = None
            self._beat(runs and containerd.is_up())
            self._told, self._was_up, since = time.monotonic(), runs, 0.0
        return HEARTBEAT_S - since if runs else LOOK_S

    def _beat(self, up: bool) -> None:
        node = self._node or self._registered()
        old: list[Object] = dig(node, "status", "conditions") or []
        version = self._runtime.version or containerd.version()
        status = status_of(self._identity, version, up, old, now())
        self._node = self._client.patch(kinds.NODE, "", self._identity.name, {"status": status}, "status")
        before = next((one["status"] for one in old if one["type"] == "Ready"), "")
        if before != ("True" if up else "False"):
            state = "NodeReady" if up else "NodeNotReady"
            message = f"Node {self._identity.name} status is now: {state}"
            self._events.tell(kinds.NODE, node, "Normal", state, message)

    def _registered(self) -> Object:
        try:
            return self._client.get(kinds.NODE, "", self._identity.name)
        except Failure as failure:
            if failure.code != 404:
                raise
        node = self._client.create(kinds.NODE, "", new_node(self._identity))
        self._events.tell(kinds.NODE, node, "Normal", "Starting", "Starting moor's stand-in of the kubelet.")
        return node

    def _follow(self) -> None:
        """Watch the node's pods until the server no longer has the watch's history."""
        if not self._recovered:  # later, a pull that is recorded goes on
            self._tools.puller.records.recover(_image_id)
            self._recovered = True
        mine = f"spec.nodeName={self._identity.name}"
        pods, version = self._client.list(kinds.POD, mine)
        self._reconcile({uid_of(pod): pod for pod in pods})
        while True:
            for event in self._client.watch(kinds.POD, mine, version):
                if event["type"] == "ERROR":
                    return
                version = event["object"]["metadata"]["resourceVersion"]
                self._take(event["object"], event["type"] == "DELETED")

    def _reconcile(self, pods: dict[str, Object]) -> None:
        for uid in set(self._pods) - set(pods):
            self._pods.pop(uid).update(None)
        for pod in pods.values():
            self._take(pod, gone=False)
        self._sweep(set(pods))

    def _take(self, pod: Object, gone: bool) -> None:
        uid = uid_of(pod)
        known = self._pods.get(uid)
        if gone:
            if known:
                self._pods.pop(uid).update(None)
        elif known:
            known.update(pod)
        elif dig(pod, "status", "phase") not in ("Succeeded", "Failed"):
            self._pods[uid] = Pod(pod, self._tools)
            self._pods[uid].start()

    def _sweep(self, uids: set[str]) -> None:
        """Remove containers and files of pods that were deleted while the agent did not run."""
        alive = uids | {uid_of(pod._pod) for pod in threading.enumerate() if isinstance(pod, Pod)}
        for uid, ids in containerd.containers_by_pod().items():
            if uid not in alive:
                for id in ids:
                    containerd.remove(id)
        for directory in (self._state / "pods").glob("*"):
            if directory.name not in alive:
                shutil.rmtree(directory, ignore_errors=True)


def _image_id(reference: str) -> str:
    found = containerd.image(reference)
    return found.id if found else ""


def main() -> None:
    """Run the agent."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    Agent(Path(sys.argv[1]), Path(sys.argv[2])).run()


if __name__ == "__main__":
    main()
