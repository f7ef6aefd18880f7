"""The reading of a cluster: nodes, pods, events and pull secrets, once for all nodes of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lightkube import Client
from lightkube.core.exceptions import ApiError

from moor.connections.apis.kubernetes import calling_api, code_of, is_missing, untyped_class
from moor.errors import HostError
from moor.tasks.cluster.api import as_dict
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot, KubeObject, namespace_of, uses_registry
from moor.tasks.diagnosis.evidence.owners import BETWEEN, Owner, controller_of, searchable_names
from moor.tasks.diagnosis.evidence.pull_secrets import secret_names
from moor.tasks.registry.logins import DATA_KEYS
from moor.tasks.workload.known_objects import RolledObject
from moor.tasks.workload.progress import API_VERSIONS as ROLLED
from moor.tasks.workload.progress import COMPLETE, progress

EVERYWHERE = "*"
UNKNOWN_LOGIN = 401
API_VERSIONS = {"ReplicaSet": "apps/v1", "Job": "batch/v1"}  # of other kinds: v1


def read_cluster(
    client: Client, namespaces: Sequence[str], names: frozenset[str], host_port: str, further: Sequence[str] = ()
) -> ClusterSnapshot:
    """Read all objects that concern images of one registry.

    Args:
        namespaces: of the pods; ``*`` for all
        names: of pods and of what makes them; empty for all pods
        further: other namespaces to search for a secret that pods lack

    Returns:
        Its ``unknown`` has why some objects could not be read.

    Raises:
        HostError: the API does not answer, or rejects the login
    """
    reading = ClusterReader(client)
    nodes = reading.all("Node", EVERYWHERE)
    every = [pod for namespace in namespaces for pod in reading.all("Pod", namespace)]
    concerned = [pod for pod in every if uses_registry(pod, host_port)]
    owners = _owners(reading, concerned)
    pods = [pod for pod in concerned if _of(pod, names, owners)]
    places = sorted({str(pod["metadata"]["namespace"]) for pod in pods})
    events = [event for place in places for event in reading.all("Event", place)]
    accounts = _accounts(reading, pods)
    bare = ClusterSnapshot(nodes, pods, events, accounts=accounts)
    named = sorted({(str(pod["metadata"]["namespace"]), name) for pod in pods for name in secret_names(pod, bare)})
    secrets = {key: reading.one("Secret", *key) for key in named}
    lacking = {name for key, found in secrets.items() if found is None and _key("Secret", *key) not in reading.unknown
               for name in key[1:]}  # fmt: skip
    placed = {
        name: tuple(p for p in dict.fromkeys([*places, *further]) if reading.one("Secret", p, name))
        for name in sorted(lacking)
    }
    similar = {place: _similar(reading, place) for place in places}
    return ClusterSnapshot(nodes, pods, events, secrets, accounts, placed, similar, reading.unknown, owners)


class ClusterReader:
    """A reader of objects that records which of them could not be read.

    Attributes:
        unknown: why something could not be read, by ``Kind NAMESPACE`` or ``Kind NAMESPACE/NAME``
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.unknown: dict[str, str] = {}

    def all(self, kind: str, namespace: str, **selected: Any) -> list[KubeObject]:
        """Return the objects of a kind; none if they may not be listed.

        Raises:
            HostError: the API does not answer, or rejects the login.
        """
        place: dict[str, Any] = {} if kind == "Node" else {"namespace": namespace}
        try:
            with calling_api(f"list {kind}"):
                found = [as_dict(entry) for entry in self.client.list(_class_of(kind), **place, **selected)]
                return [tree for tree in found if is_complete(tree, kind)]
        except HostError as error:
            self._keep(_key(kind, namespace), error)
            return []

    def one(self, kind: str, namespace: str, name: str) -> KubeObject | None:
        """Return an object; None if it does not exist or may not be read.

        Raises:
            HostError: the API does not answer, or rejects the login.
        """
        try:
            with calling_api(f"{kind.lower()} {namespace}/{name}"):
                return as_dict(self.client.get(_class_of(kind), name, namespace=namespace))
        except HostError as error:
            if not is_missing(error):
                self._keep(_key(kind, namespace, name), error)
            return None

    def _keep(self, key: str, error: HostError) -> None:
        if code_of(error) in (0, UNKNOWN_LOGIN):  # every further request would fail too
            raise error
        self.unknown[key] = str(error)


def _class_of(kind: str) -> type[Any]:
    return untyped_class(API_VERSIONS.get(kind, "v1"), kind)


def is_complete(tree: KubeObject, kind: str) -> bool:
    """Return whether an object has the fields that a cluster always sets; otherwise something else answered."""
    about = tree.get("metadata")
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        return False
    return kind != "Pod" or (isinstance(about.get("namespace"), str) and isinstance(tree.get("spec"), dict))


def _key(kind: str, namespace: str, name: str = "") -> str:
    return " ".join(filter(None, (kind, f"{namespace}/{name}" if name else namespace)))


def unread_secret(view: ClusterSnapshot, pod: KubeObject) -> str:
    """Return why a pull secret or the ServiceAccount of a pod could not be read; empty if all could."""
    namespace, spec = str(pod["metadata"].get("namespace", "default")), pod.get("spec") or {}
    keys = [f"Secret {namespace}/{name}" for name in secret_names(pod, view)]
    if not spec.get("imagePullSecrets"):
        keys.append(f"ServiceAccount {namespace}/{spec.get('serviceAccountName') or 'default'}")
    return next((view.unknown[key] for key in keys if key in view.unknown), "")


def pod_names(client: Client, namespaces: Sequence[str], host_port: str) -> dict[str, bool]:
    """Return the names of pods and of their owners, each with whether a pod has an image from the registry.

    Raises:
        HostError: the API does not answer, or refuses
    """
    reading = ClusterReader(client)
    pods = [pod for namespace in namespaces for pod in reading.all("Pod", namespace)]
    if refused := [words for key, words in reading.unknown.items() if key.startswith("Pod ")]:
        raise HostError(refused[0])
    owners = _owners(reading, pods)
    found: dict[str, bool] = {}
    for pod in pods:
        for name in searchable_names(pod, owners):
            found[name] = found.get(name, False) or uses_registry(pod, host_port)
    return found


def unfinished_rollouts(client: Client, rolled: Iterable[RolledObject]) -> list[str]:
    """Return the progress of each object that is not rolled out."""
    found = []
    for one in rolled:
        with calling_api(f"{one.kind.lower()} {one.namespace}/{one.name}"):
            reached = _progress(client, one)
        if reached != COMPLETE:
            found.append(f"{one.name}: {reached}")
    return found


def _progress(client: Client, rolled: RolledObject) -> str:
    kind, place = untyped_class(ROLLED[rolled.kind], rolled.kind), {"namespace": rolled.namespace}
    try:
        found: Any = client.get(kind, rolled.name, **(place if rolled.namespace else {}))
        return progress({"kind": rolled.kind, **as_dict(found)})
    except ApiError as error:
        if is_missing(error):
            return f"there is no such {rolled.kind}" + (f" in namespace {rolled.namespace}" if rolled.namespace else "")
        raise


def _of(pod: KubeObject, names: frozenset[str], owners: Mapping[tuple[str, str, str], Owner | None]) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and (
        not names or not names.isdisjoint(searchable_names(pod, owners))
    )


def _owners(reading: ClusterReader, pods: Iterable[KubeObject]) -> dict[tuple[str, str, str], Owner | None]:
    """Read the owners of the pods' ReplicaSets and Jobs; those that may not be read are left out."""
    wanted = {(namespace_of(pod), above[0]) for pod in pods if (above := controller_of(pod["metadata"]))}
    found: dict[tuple[str, str, str], Owner | None] = {}
    for namespace, kind in sorted(wanted):
        for entry in reading.all(kind, namespace) if kind in BETWEEN else ():
            found[namespace, kind, str(entry["metadata"]["name"])] = controller_of(entry["metadata"])
    return found


def _accounts(reading: ClusterReader, pods: Sequence[KubeObject]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read which pull secrets the ServiceAccounts name, for pods that name none."""
    bare = [pod for pod in pods if not (pod.get("spec") or {}).get("imagePullSecrets")]
    wanted = {(str(p["metadata"]["namespace"]), str(p["spec"].get("serviceAccountName") or "default")) for p in bare}
    found = {key: reading.one("ServiceAccount", *key) or {} for key in sorted(wanted)}
    return {key: tuple(str(e.get("name")) for e in tree.get("imagePullSecrets") or []) for key, tree in found.items()}


def _similar(reading: ClusterReader, namespace: str) -> tuple[str, ...]:
    """Return the names of a namespace's pull secrets; secrets of other types are not read."""
    found = [secret for kind in DATA_KEYS for secret in reading.all("Secret", namespace, fields={"type": kind})]
    if f"Secret {namespace}" in reading.unknown:
        return ("secrets may not be listed",)
    return tuple(str(secret["metadata"]["name"]) for secret in found)
