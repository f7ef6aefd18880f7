"""Evidence about the pull secrets of a pod; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moor.errors import UnreadableSecret
from moor.resources.file import sha256
from moor.tasks.diagnosis.evidence.cluster_snapshot import (
    ClusterSnapshot,
    KubeObject,
    PodExpectations,
    namespace_of,
    pod_name,
    registry_images,
)
from moor.tasks.diagnosis.evidence.owners import top_owner
from moor.tasks.registry.logins import DATA_KEYS, DOCKER_CONFIG, RegistryLogin, logins_for, read_logins


def secret_names(pod: KubeObject, view: ClusterSnapshot) -> list[str]:
    """Return the names of a pod's pull secrets: its own, else those of its ServiceAccount."""
    spec = pod.get("spec") or {}
    own = [str(entry.get("name")) for entry in spec.get("imagePullSecrets") or []]
    account = str(spec.get("serviceAccountName") or "default")
    return own or list(view.accounts.get((namespace_of(pod), account), ()))


def login_of_pod(
    pod: KubeObject, image: str, view: ClusterSnapshot, host_port: str, user: str = ""
) -> RegistryLogin | None:
    """Return a login with which a pod pulls an image: that of ``user`` if there is one, else the first."""
    held = [view.secrets.get((namespace_of(pod), name)) for name in secret_names(pod, view)]
    try:
        found = [
            one for one in logins_for(filter(None, held), _repository(image, host_port)) if one.user and one.password
        ]
    except UnreadableSecret:
        return None
    return next((one for one in found if one.user == user), found[0] if found else None)


def secret_evidence(pod: KubeObject, view: ClusterSnapshot, wanted: PodExpectations) -> dict[str, str]:
    """Return the evidence about a pod's pull secrets: the one that kubelet cannot read, else the logins they have."""
    names, namespace = secret_names(pod, view), namespace_of(pod)
    kind, top = top_owner(pod, view.owners)
    placed = not wanted.placed(namespace).isdisjoint(names)
    about = {
        "pod": pod_name(pod),
        "namespace": namespace,
        "host_port": wanted.host_port,
        "account": str((pod.get("spec") or {}).get("serviceAccountName") or "default"),
        "owner": f"{kind} {top}",
        "managed": "yes" if (own := wanted.manages(namespace, top, names)) or placed else "no",
        "by": "workload" if own else "pull_secrets",
        "registries": "",
    }
    if not names:
        there = " ".join(view.similar.get(namespace, ())) or "none"
        return _mended({**about, "named": "no", "there": there})
    held = {name: view.secrets.get((namespace, name)) for name in names}
    image = next(iter(registry_images(pod, wanted.host_port)), "")
    return _mended({**about, "named": "yes", **_content(held, image, namespace, view, wanted)})


def _content(
    held: Mapping[str, KubeObject | None], image: str, namespace: str, view: ClusterSnapshot, wanted: PodExpectations
) -> dict[str, str]:
    for name, secret in held.items():
        try:
            read_logins(secret or {})
        except UnreadableSecret as error:
            about = _described(name, secret, namespace, view)
            return {**about, "readable": "no", "unreadable": str(error), "matches": ""}
    found = logins_for(filter(None, held.values()), _repository(image, wanted.host_port))
    name = _telling(held, bool(found), image, wanted)
    about = {**_described(name, held[name], namespace, view), "readable": "yes"}
    if not found:
        return {**about, "matches": "no"}
    return {**about, "matches": "yes", **_compared(found, wanted)}


def _telling(held: Mapping[str, KubeObject | None], found: bool, image: str, wanted: PodExpectations) -> str:
    """Return the secret to report: the first with a login for the image, else the first that is missing or wrong."""
    for name, secret in held.items():
        if found and secret and logins_for([secret], _repository(image, wanted.host_port)):
            return name
    return next((name for name, secret in held.items() if secret is None), next(iter(held)))


def _described(name: str, secret: KubeObject | None, namespace: str, view: ClusterSnapshot) -> dict[str, str]:
    found = {
        "secret": name,
        "exists": "yes" if secret else "no",
        "elsewhere": " ".join(where for where in view.placed.get(name, ()) if where != namespace),
        "there": " ".join(other for other in view.similar.get(namespace, ()) if other != name) or "none",
    }
    if not secret:
        return found
    kind = str(secret.get("type") or "Opaque")
    try:
        keys = sorted(read_logins(secret) or {})
    except UnreadableSecret:
        keys = []
    return {
        **found,
        "type": kind,
        "typed": "yes" if kind in DATA_KEYS else "no",
        "registries": " ".join(keys) or "nothing",
    }


def _compared(logins: Sequence[RegistryLogin], wanted: PodExpectations) -> dict[str, str]:
    """Compare logins with the robot's; kubelet tries each of them, so one right login is enough."""
    if wanted.login is None:
        return {"user": logins[0].user}
    robot, digest = wanted.login
    own = [one for one in logins if one.user == robot]
    right = any(sha256(one.password) == digest for one in own)
    user = robot if own else logins[0].user
    return {"user": user, "robot": robot, "password": "yes" if right else "no" if own else ""}


def _mended(evidence: dict[str, str]) -> dict[str, str]:
    """Add the remedy: a moor command if the inventory has the secret, else the kubectl command."""
    if evidence["managed"] == "yes":
        return {**evidence, "mend": f"moor apply {evidence['by']}"}
    name = evidence.get("secret") or "NAME"
    kubectl = f"kubectl --namespace {evidence['namespace']} create secret generic {name} --type {DOCKER_CONFIG}"
    again = (
        f"kubectl --namespace {evidence['namespace']} delete secret {name}; " if evidence.get("exists") == "yes" else ""
    )
    words = f"{again}{kubectl} --from-file .dockerconfigjson=FILE, with a login of {evidence['host_port']} in FILE"
    return {**evidence, "mend": words}


def _repository(image: str, host_port: str) -> str:
    """Return the repository as kubelet matches it with logins: with its registry, without tag and digest."""
    named = image.partition("@")[0]
    head, _, tag = named.rpartition(":")
    return f"{host_port}/{head if head and '/' not in tag else named}"
