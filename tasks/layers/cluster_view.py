"""What the cluster says of nodes, pods, events and pull secrets, read once for all nodes of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lightkube import Client
from lightkube.core.exceptions import ApiError
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Event, Node, Pod, ServiceAccount
from lightkube.resources.core_v1 import Secret as KubeSecret

from moor.connections.kubernetes import is_missing, told
from moor.errors import HostError
from tasks.cluster_api import as_dict
from tasks.layers.pods import DOCKER_CONFIG, ClusterView, Tree, concerns, owner, secret_names
from tasks.rollout import progress

EVERYWHERE = "*"


def read_cluster(client: Client, namespaces: Sequence[str], deployment: str, host_port: str) -> ClusterView:
    """Read what concerns images of one registry.

    namespaces  ``*`` is all of them
    deployment  only its pods; all pods where it is empty
    Raises      HostError: the API does not answer, or refuses
    """
    nodes = _all(client, Node, [EVERYWHERE])
    pods = [pod for pod in _all(client, Pod, namespaces) if concerns(pod, host_port) and _of(pod, deployment)]
    places = sorted({str(pod["metadata"]["namespace"]) for pod in pods})
    bare = ClusterView(nodes, pods, _all(client, Event, places), accounts=_accounts(client, pods))
    named = {(str(pod["metadata"]["namespace"]), name) for pod in pods for name in secret_names(pod, bare)}
    secrets = {key: _secret(client, *key) for key in sorted(named)}
    lacking = sorted({name for (_, name), found in secrets.items() if found is None})
    return ClusterView(
        nodes, pods, bare.events, secrets, bare.accounts, _placed(client, lacking), _similar(client, places)
    )


def unfinished(client: Client, names: Iterable[tuple[str, str]]) -> list[str]:
    """Say of each Deployment, by namespace and name, how far it is, unless it is complete."""
    found = []
    for namespace, name in names:
        with told(f"deployment {namespace}/{name}"):
            reached = _progress(client, namespace, name)
        if reached != "complete":
            found.append(f"{name}: {reached}")
    return found


def _progress(client: Client, namespace: str, name: str) -> str:
    try:
        return progress(as_dict(client.get(Deployment, name, namespace=namespace)))
    except ApiError as error:
        if is_missing(error):
            return f"there is no such Deployment in namespace {namespace}"
        raise


def _all(client: Client, kind: Any, namespaces: Iterable[str]) -> list[Tree]:
    with told(f"list {kind.__name__}"):
        if kind is Node:
            return [as_dict(entry) for entry in client.list(Node)]
        return [as_dict(entry) for namespace in namespaces for entry in client.list(kind, namespace=namespace)]


def _of(pod: Tree, deployment: str) -> bool:
    labels = pod["metadata"].get("labels") or {}
    named = deployment in (labels.get("app.kubernetes.io/name"), owner(pod))
    return "deletionTimestamp" not in pod["metadata"] and (not deployment or named)


def _accounts(client: Client, pods: Sequence[Tree]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read the pull secrets of the ServiceAccounts of pods that name none themselves."""
    bare = [pod for pod in pods if not (pod.get("spec") or {}).get("imagePullSecrets")]
    wanted = {(str(p["metadata"]["namespace"]), str(p["spec"].get("serviceAccountName") or "default")) for p in bare}
    return {key: _account(client, *key) for key in sorted(wanted)}


def _account(client: Client, namespace: str, name: str) -> tuple[str, ...]:
    try:
        with told(f"serviceaccount {namespace}/{name}"):
            found = client.get(ServiceAccount, name, namespace=namespace)
    except HostError as error:
        if is_missing(error):
            return ()
        raise
    return tuple(str(secret.name) for secret in found.imagePullSecrets or [])


def _secret(client: Client, namespace: str, name: str) -> Tree | None:
    try:
        with told(f"secret {namespace}/{name}"):
            return as_dict(client.get(KubeSecret, name, namespace=namespace))
    except HostError as error:
        if is_missing(error):
            return None
        raise


def _placed(client: Client, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name the namespaces that have secrets of these names."""
    if not names:
        return {}
    with told("list Secret"):
        found = [secret.metadata for secret in client.list(KubeSecret, namespace=EVERYWHERE)]
    return {name: tuple(str(m.namespace) for m in found if m and m.name == name) for name in names}


def _similar(client: Client, namespaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Name the pull secrets of each namespace."""
    found: dict[str, tuple[str, ...]] = {}
    for namespace in namespaces:
        with told("list Secret"):
            secrets = [s for s in client.list(KubeSecret, namespace=namespace) if s.type == DOCKER_CONFIG]
        found[namespace] = tuple(str(secret.metadata.name) for secret in secrets if secret.metadata)
    return found
