"""One pod on this node, in a thread of its own."""

import http.client
import logging
import shutil
import threading
import time

from .. import kinds
from ..objects import Object, name_of, namespace_of, now, uid_of
from .client import Failure
from .container import Container
from .containerd import RuntimeFailure
from .pulling import Cancelled
from .status import CREATING, ContainerState, status_of
from .supply import Tools
from .waiting import Bell

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""Seconds to wait after an error."""

REAPED_S = 0.02
"""How long containerd may still list a process that has ended."""

Unreachable = (OSError, http.client.HTTPException)


class Pod(threading.Thread):
    """The worker of one pod: starts its containers, keeps them running, reports its status, stops it when deleted."""

    def __init__(self, pod: Object, tools: Tools) -> None:
        super().__init__(name=f"pod {name_of(pod)}", daemon=True)
        self._pod = pod
        self._tools = tools
        self._ended = threading.Event()
        self._bell = Bell()
        self._containers: list[Container] = []
        self._told: Object | None = None
        self._well = True  # whether the last round had no error

    def update(self, pod: Object | None) -> None:
        """Return the current pod from the API server; None if it is gone."""
        self._pod = pod or self._pod
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            self._ended.set()
        self._bell.ring()

    def run(self) -> None:
        """Run until the pod is gone."""
        if self._pod["metadata"].get("deletionTimestamp"):
            self._ended.set()
        while not self._ended.is_set():
            self._round()
            self._rest()
        self._take_down()
        self._tools.client.close()

    def _round(self) -> None:
        self._well = False
        try:
            self._recover()
            for container in self._containers:
                container.pod = self._pod
                container.step()
            self._report()
            self._well = True
        except Cancelled:
            return
        except (RuntimeFailure, Failure, *Unreachable) as error:
            log.warning("pod %s: %s", name_of(self._pod), error)
        except Exception:
            log.exception("pod %s", name_of(self._pod))

    def _rest(self) -> None:
        """Wait until a container's process ends, a probe is due, or the pod changes."""
        longest_s = min((one.rest_s() for one in self._containers), default=LOOK_S) if self._well else LOOK_S
        self._bell.wait([one.process for one in self._containers if one.process], longest_s)
        time.sleep(REAPED_S)

    def _recover(self) -> None:
        """Find the pod's containers, including those that an earlier run of the agent started."""
        if not self._containers:
            names = [one["name"] for one in self._pod["spec"]["containers"]]
            self._containers = [Container(self._pod, name, self._tools, self._report, self._ended) for name in names]

    def _report(self) -> None:
        """Write the pod's status to the API server if it changed."""
        states: dict[str, ContainerState] = {one["name"]: CREATING for one in self._pod["spec"]["containers"]}
        states |= {container.name: container.state for container in self._containers}
        new = status_of(self._pod, states, self._tools.address, now())
        if new == self._told:
            return
        try:
            pod = self._tools.client.patch(
                kinds.POD, namespace_of(self._pod), name_of(self._pod), {"status": new}, "status"
            )
        except Failure as failure:
            if failure.code != 404:
                raise
            return
        if uid_of(pod) == uid_of(self._pod):
            self._pod = self._pod | {"status": pod["status"]}
            self._told = new

    def _take_down(self) -> None:
        """Stop the containers, first with SIGTERM, then delete the pod at the API server."""
        while not self._try_take_down():
            time.sleep(LOOK_S)
        self._tools.events.forget(uid_of(self._pod))

    def _try_take_down(self) -> bool:
        try:
            self._recover()
            self._end_containers()
            self._tools.client.delete(kinds.POD, namespace_of(self._pod), name_of(self._pod), uid_of(self._pod))
        except Failure as failure:
            if failure.code not in (404, 409):
                log.warning("pod %s: %s", name_of(self._pod), failure)
                return False
        except (RuntimeFailure, *Unreachable) as error:
            log.warning("pod %s: %s", name_of(self._pod), error)
            return False
        shutil.rmtree(self._tools.state / "pods" / uid_of(self._pod), ignore_errors=True)
        return True

    def _end_containers(self) -> None:
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        grace = float(metadata.get("deletionGracePeriodSeconds", spec["terminationGracePeriodSeconds"]))
        for container in self._containers:
            container.ask_to_end()
        end = time.monotonic() + grace
        while time.monotonic() < end and not all(one.has_ended() for one in self._containers):
            time.sleep(0.1)
        for container in self._containers:
            container.remove()
