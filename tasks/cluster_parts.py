"""What a cluster holds for moor: manifests by server-side apply, pull secrets, finished rollouts."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nornir.core.task import Task
from ruamel.yaml import YAML

from moor.connections.harbor import NotThere
from moor.connections.kubernetes import MANAGER, is_missing, told
from moor.errors import HostError
from moor.resources.base import Later, Remote, State
from moor.resources.file import sha256
from moor.secrets import Secret
from tasks.registry import robot_login

# See moor.connections.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
PAUSE_S = 1.0
# What the cluster itself writes into an object, and no manifest means.
SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


def cluster_of(task: Task) -> Client:
    """Give the client of the cluster that the host's task has opened."""
    client: Client = task.host.connections["kubernetes"].connection
    return client


def as_dict(found: Any) -> dict[str, Any]:
    """Give an object of the API as plain data."""
    tree: dict[str, Any] = found.to_dict()
    return tree


def as_text(tree: Mapping[str, Any]) -> str:
    """Show an object as people write it, without what the cluster adds by itself."""
    metadata = {key: value for key, value in tree.get("metadata", {}).items() if key not in SERVERS_OWN}
    metadata.get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    shown = {**tree, "metadata": {key: value for key, value in metadata.items() if value}}
    shown.pop("status", None)
    for part in ("data", "stringData") if shown.get("kind") == "Secret" else ():
        shown[part] = {key: f"*** {sha256(str(value))[:12]}" for key, value in shown.get(part, {}).items()}
    out = io.StringIO()
    YAML(typ="safe", pure=True).dump(_sorted(shown), out)
    return out.getvalue()


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Manifest(Remote):
    """Hold an object as a server-side apply would leave it; the cluster itself says what that is, by a dry run."""

    content: Mapping[str, Any] = field(hash=False)

    @property
    def id(self) -> str:
        metadata = self.content["metadata"]
        place = f"{metadata['namespace']}/" if "namespace" in metadata else ""
        return f"{self.content['kind'].lower()}:{place}{metadata['name']}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.id,)

    def desired(self, actual: State | None) -> State:
        return {"object": actual["applied"] if actual else as_text(self.content)}

    def read(self, task: Task) -> State | None:
        from lightkube.codecs import from_dict

        wanted: Any = from_dict(dict(self.content))
        metadata = self.content["metadata"]
        place = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
        try:
            with told(self.id):
                live = cluster_of(task).get(type(wanted), metadata["name"], **place)
                applied = cluster_of(task).apply(wanted, field_manager=MANAGER, force=True, dry_run=True)
        except HostError as error:
            if is_missing(error):
                return None
            raise
        return {"object": as_text(as_dict(live)), "applied": as_text(as_dict(applied))}

    def write(self, task: Task, actual: State | None) -> None:
        from lightkube.codecs import from_dict

        with told(self.id):
            cluster_of(task).apply(from_dict(dict(self.content)), field_manager=MANAGER, force=True)


@dataclass(frozen=True)
class PullSecret(Remote):
    """Hold a pull secret with the login of a robot, in the namespace of the pods that use it."""

    namespace: str
    name: str
    host_port: str
    project: str
    robot: str

    @property
    def id(self) -> str:
        return f"secret:{self.namespace}/{self.name}"

    def desired(self, actual: State | None) -> State:
        return {
            "type": DOCKER_CONFIG,
            "registry": self.host_port,
            "user": (actual or {}).get("robot") or Later(f"Harbor's name of the robot {self.project}+{self.robot}"),
            "password": (actual or {}).get("wanted") or Later(f"the password of the robot {self.project}+{self.robot}"),
        }

    def read(self, task: Task) -> State | None:
        from lightkube.resources.core_v1 import Secret as KubeSecret

        try:
            login = robot_login(task, self.project, self.robot)
        except NotThere:
            if not task.is_dry_run():
                raise
            login = None
        known: State = {"robot": login[0], "wanted": login[1]} if login else {}
        try:
            with told(self.id):
                found = cluster_of(task).get(KubeSecret, self.name, namespace=self.namespace)
        except HostError as error:
            if is_missing(error):
                return {**known, "type": "(none)"} if known else None
            raise
        return {**known, "type": found.type or "Opaque", **credentials(found.data or {}, self.host_port)}

    def write(self, task: Task, actual: State | None) -> None:
        from lightkube.models.meta_v1 import ObjectMeta
        from lightkube.resources.core_v1 import Secret as KubeSecret

        login = robot_login(task, self.project, self.robot)
        if login is None:
            raise HostError(f"the robot {self.project}+{self.robot} does not exist; run the registry stage first")
        content = docker_config_json(self.host_port, login[0], login[1])
        secret = KubeSecret(
            metadata=ObjectMeta(name=self.name, namespace=self.namespace),
            type=DOCKER_CONFIG,
            data={".dockerconfigjson": base64.b64encode(content.encode()).decode()},
        )
        with told(self.id):
            if actual and actual["type"] not in ("(none)", DOCKER_CONFIG):
                # A secret's type cannot be changed, so the wrong one has to go first.
                cluster_of(task).delete(KubeSecret, self.name, namespace=self.namespace)
            cluster_of(task).apply(secret, field_manager=MANAGER, force=True)


def docker_config_json(host_port: str, user: str, password: Secret) -> str:
    """Give the content of a pull secret; the user's dollar sign stays as it is."""
    word = password.reveal()
    auth = base64.b64encode(f"{user}:{word}".encode()).decode()
    return json.dumps({"auths": {host_port: {"username": user, "password": word, "auth": auth}}})


def credentials(data: Mapping[str, str], host_port: str) -> dict[str, str]:
    """Read a pull secret: for which registry, which user, and the password's hash; what is not readable is said."""
    try:
        auths = json.loads(base64.b64decode(data[".dockerconfigjson"]))["auths"]
        if host_port not in auths:
            return {"registry": " ".join(sorted(auths)) or "(none)"}
        entry = auths[host_port]
        login = base64.b64decode(entry.get("auth", "")).decode("utf-8", "replace")
    except (KeyError, ValueError, TypeError, AttributeError):
        return {"registry": "(not readable)"}
    user, _, password = login.partition(":")
    return {"registry": host_port, "user": user or entry.get("username", ""), "password": sha256(password)}


@dataclass(frozen=True)
class Rollout(Remote):
    """Hold a Deployment rolled out: every replica is of the newest template and available. Mending is waiting."""

    namespace: str
    name: str
    wait_s: int = 300

    @property
    def id(self) -> str:
        return f"rollout:{self.namespace}/{self.name}"

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        return {"rollout": "complete"}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        deployment = f"deployment:{self.namespace}/{self.name}"
        return {"rollout": f"older than {deployment}"} if deployment in paths else actual

    def read(self, task: Task) -> State | None:
        from lightkube.resources.apps_v1 import Deployment

        try:
            with told(self.id):
                found = cluster_of(task).get(Deployment, self.name, namespace=self.namespace)
        except HostError as error:
            if is_missing(error):
                return None
            raise
        return {"rollout": progress(as_dict(found))}

    def write(self, task: Task, actual: State | None) -> None:
        end = time.monotonic() + self.wait_s
        while (state := self.read(task)) is None or state["rollout"] != "complete":
            if time.monotonic() > end:
                words = "; ".join(self._waiting(task)) or "no pod says why"
                raise HostError(
                    f"not complete after {self.wait_s} s ({state['rollout'] if state else 'gone'}): {words}"
                )
            time.sleep(PAUSE_S)

    def _waiting(self, task: Task) -> list[str]:
        """Say why pods wait, each reason once."""
        from lightkube.resources.core_v1 import Pod

        labels: dict[str, Any] = {"app.kubernetes.io/name": self.name}
        with told(self.id):
            pods = [as_dict(pod) for pod in cluster_of(task).list(Pod, namespace=self.namespace, labels=labels)]
        return list(dict.fromkeys(reason for pod in pods for reason in waiting_reasons(pod)))


def progress(deployment: Mapping[str, Any]) -> str:
    """Say how far a Deployment's rollout is; ``complete`` once nothing is left to do."""
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return "not yet seen by the cluster"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated == available == status.get("replicas", 0) == wanted:
        return "complete"
    return f"{updated} of {wanted} updated, {available} available"


def waiting_reasons(pod: Mapping[str, Any]) -> list[str]:
    """Read from a pod why it does not run."""
    where = pod["spec"].get("nodeName", "no node")
    status = pod.get("status", {})
    waits = [
        entry["state"]["waiting"] for entry in status.get("containerStatuses", []) if entry["state"].get("waiting")
    ]
    reasons = [f"{where}: {wait.get('reason')}: {wait.get('message', '')}".rstrip(": ") for wait in waits]
    unready = [e for e in status.get("containerStatuses", []) if e["state"].get("running") and not e.get("ready")]
    reasons += [f"{where}: {entry['name']} runs, but its readiness probe fails" for entry in unready]
    unscheduled = [c for c in status.get("conditions", []) if c.get("reason") == "Unschedulable"]
    return reasons + [f"no node: {condition.get('message', '')}" for condition in unscheduled]
