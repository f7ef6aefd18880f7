"""What the cluster's objects say of pods that wait on their image, as evidence; pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moor.resources.file import sha256
from tasks.layers.rule import Evidence
from tasks.layers.seen import clean

Tree = Mapping[str, Any]
DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"
TOLD = ("FailedToRetrieveImagePullSecret", "FailedCreatePodSandBox", "InspectFailed", "Failed", "FailedScheduling")


@dataclass(frozen=True)
class ClusterView:
    """What was read of the cluster, once for all nodes.

    secrets   by namespace and name; None where it does not exist
    accounts  names of the pull secrets of a ServiceAccount, by namespace and name
    placed    namespaces in which a secret of that name exists
    unknown   why something could not be read, by ``Kind NAMESPACE`` or ``Kind NAMESPACE/NAME``
    """

    nodes: Sequence[Tree] = ()
    pods: Sequence[Tree] = ()
    events: Sequence[Tree] = ()
    secrets: Mapping[tuple[str, str], Tree | None] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    placed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    similar: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What pods and their pull secrets should have.

    login   of the robot, as Harbor names it; None where nobody knows it
    digest  that was pushed, by PROJECT/REPOSITORY
    """

    host_port: str
    login: tuple[str, str] | None = None  # the password by its hash
    digests: Mapping[str, str] = field(default_factory=dict)


def place(pod: Tree) -> str:
    return f"{pod['metadata'].get('namespace', 'default')}/{pod['metadata']['name']}"


def images(pod: Tree) -> list[str]:
    spec = pod.get("spec") or {}
    return [str(c.get("image", "")) for c in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]]


def images_of(pod: Tree, host_port: str) -> list[str]:
    """List a pod's images of one registry as PROJECT/REPOSITORY:TAG; those by digest alone are left out."""
    paths = [image.partition("/")[2] for image in images(pod) if image.partition("/")[0] == host_port]
    return [path if ":" in path else f"{path}:latest" for path in paths if "@" not in path]


def statuses(pod: Tree) -> list[Tree]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def owner(pod: Tree) -> str:
    """Name the Deployment that a pod comes from, by its ReplicaSet; the pod itself where it has none."""
    sets = [str(entry.get("name", "")) for entry in pod["metadata"].get("ownerReferences") or []]
    return sets[0].rpartition("-")[0] if sets and "-" in sets[0] else str(pod["metadata"]["name"])


def waits(pod: Tree) -> bool:
    """Tell whether a container of the pod waits on its image."""
    reasons = {str(_waiting(entry).get("reason", "")) for entry in statuses(pod)}
    return any("Image" in reason for reason in reasons)


def _waiting(status: Tree) -> Tree:
    return (status.get("state") or {}).get("waiting") or {}


def concerns(pod: Tree, host_port: str) -> bool:
    """Tell whether a pod takes an image from the registry."""
    return any(image.partition("/")[0] == host_port for image in images(pod))


def secret_names(pod: Tree, view: ClusterView) -> list[str]:
    """Name the pull secrets of a pod: its own, else those of its ServiceAccount."""
    spec = pod.get("spec") or {}
    own = [str(entry.get("name")) for entry in spec.get("imagePullSecrets") or []]
    account = str(spec.get("serviceAccountName") or "default")
    return own or list(view.accounts.get((pod["metadata"].get("namespace", "default"), account), ()))


def secret_evidence(pod: Tree, view: ClusterView, wanted: Wanted) -> dict[str, str]:
    """Describe the pull secret of a pod; of several the first that is not right, else the first."""
    names = secret_names(pod, view)
    namespace = str(pod["metadata"].get("namespace", "default"))
    about = {"pod": place(pod), "namespace": namespace, "host_port": wanted.host_port}
    about |= {"account": str((pod.get("spec") or {}).get("serviceAccountName") or "default")}
    if not names:
        return {**about, "named": "no", "there": " ".join(view.similar.get(namespace, ())) or "none"}
    found = [_described(name, namespace, view, wanted) for name in names]
    right = next((one for one in found if one.get("matches") == "yes"), None)
    return {**about, "named": "yes", **(right or found[0])}


def _described(name: str, namespace: str, view: ClusterView, wanted: Wanted) -> dict[str, str]:
    secret = view.secrets.get((namespace, name))
    found = {
        "secret": name,
        "exists": "yes" if secret else "no",
        "elsewhere": " ".join(where for where in view.placed.get(name, ()) if where != namespace),
        "there": " ".join(other for other in view.similar.get(namespace, ()) if other != name) or "none",
    }
    return {**found, **_content(secret, wanted)} if secret else found


def _content(secret: Tree, wanted: Wanted) -> dict[str, str]:
    kind = str(secret.get("type") or "Opaque")
    auths = auths_of(secret)
    if auths is None:
        return {"type": kind, "readable": "no"}
    hosts = {bare(key): entry for key, entry in auths.items()}
    found = {"type": kind, "readable": "yes", "registries": " ".join(sorted(hosts))}
    entry = hosts.get(wanted.host_port)
    if entry is None:
        return {**found, "matches": "no"}
    user, password = login_of(entry)
    return {**found, "matches": "yes", "user": user, **_compared(user, password, wanted)}


def _compared(user: str, password: str, wanted: Wanted) -> dict[str, str]:
    if wanted.login is None:
        return {}
    robot, digest = wanted.login
    same = "" if user != robot else "yes" if sha256(password) == digest else "no"
    return {"robot": robot, "password": same}


def auths_of(secret: Tree) -> dict[str, Any] | None:
    """Read the logins of a pull secret by registry; None where it has none that can be read."""
    try:
        raw = base64.b64decode(str((secret.get("data") or {})[".dockerconfigjson"]), validate=True)
        auths = json.loads(raw)["auths"]
    except (KeyError, ValueError, TypeError, binascii.Error):
        return None
    return auths if isinstance(auths, dict) else None


def bare(key: str) -> str:
    """Give the registry's host of a key of ``auths``; kubelet takes a scheme and a path with it too."""
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def login_of(entry: Any) -> tuple[str, str]:
    """Read user and password of one login."""
    if not isinstance(entry, dict):
        return "", ""
    try:
        user, _, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    except (ValueError, binascii.Error):
        user, password = "", ""
    return user or str(entry.get("username", "")), password or str(entry.get("password", ""))


def node_evidence(node: Tree | None, host: str) -> dict[str, str]:
    """Describe what the cluster says of a node."""
    if node is None:
        return {"host": host, "known": "no"}
    conditions = (node.get("status") or {}).get("conditions") or []
    ready: Tree = next((c for c in conditions if c.get("type") == "Ready"), {})
    return {
        "host": host,
        "known": "yes",
        "ready": str(ready.get("status", "Unknown")),
        "reason": clean(str(ready.get("reason", ""))),
        "message": clean(str(ready.get("message", ""))),
    }


def pod_evidence(pod: Tree, events: Sequence[Tree], wanted: Wanted) -> dict[str, str]:
    """Describe why a pod does not run, or whether it runs another image than the pushed one."""
    status = pod.get("status") or {}
    waiting: Tree = next((_waiting(entry) for entry in statuses(pod) if _waiting(entry)), {})
    pending: Tree = next((c for c in status.get("conditions") or [] if c.get("reason") == "Unschedulable"), {})
    event = _event(pod, events)
    return {
        "pod": place(pod),
        "name": str(pod["metadata"]["name"]),
        "namespace": str(pod["metadata"].get("namespace", "default")),
        "image": next(iter(images_of(pod, wanted.host_port)), ""),
        "deployment": owner(pod),
        "reason": clean(str(waiting.get("reason", "") or ("Unschedulable" if pending else ""))),
        "message": clean(str(waiting.get("message", "") or pending.get("message", ""))),
        "event": clean(str(event.get("reason", ""))),
        "event_message": clean(str(event.get("message", ""))),
        "unready": " ".join(_unready(pod)),
        **_digests(pod, wanted),
    }


def _event(pod: Tree, events: Sequence[Tree]) -> Tree:
    """Give the newest telling event of a pod, by the order of ``TOLD``; those of other pods say nothing of it."""
    own = [e for e in events if (e.get("involvedObject") or {}).get("name") == pod["metadata"]["name"]]
    return next((e for reason in TOLD for e in reversed(own) if e.get("reason") == reason), {})


def _unready(pod: Tree) -> Iterator[str]:
    for entry in statuses(pod):
        if "running" in (entry.get("state") or {}) and not entry.get("ready"):
            yield str(entry.get("name"))


def _digests(pod: Tree, wanted: Wanted) -> dict[str, str]:
    for entry in statuses(pod):
        host, _, path = str(entry.get("image", "")).partition("/")
        pushed = wanted.digests.get(path.partition("@")[0].rpartition(":")[0])
        held = str(entry.get("imageID", "")).rpartition("@")[2]
        if host == wanted.host_port and pushed and "running" in (entry.get("state") or {}) and held != pushed:
            return {"runs": held or "an unknown image", "pushed": pushed}
    return {}


def worst(found: Sequence[Evidence]) -> Evidence | None:
    """Give the evidence of the pod that says most: one that waits, one that runs something else, any."""
    order = ("message", "reason", "event", "runs", "unready")
    return next((one for key in order for one in found if one.get(key)), found[0] if found else None)
