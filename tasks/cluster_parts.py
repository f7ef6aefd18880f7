"""What a cluster holds for moor: manifests by server-side apply, and pull secrets."""

from __future__ import annotations

import base64
import io
import json
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
