"""The objects that were read from a cluster, and what its pods are expected to have; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from moor.tasks.diagnosis.evidence.owners import KubeObject as KubeObject
from moor.tasks.diagnosis.evidence.owners import Owners
from moor.tasks.diagnosis.messages.fields import FleetRegistry


@dataclass(frozen=True)
class ClusterSnapshot:
    """The objects of a cluster, read once for all nodes of a run.

    Attributes:
        secrets: by namespace and name; None if it does not exist
        accounts: the pull secrets that a ServiceAccount names, by its namespace and name
        placed: for a secret that pods lack, the namespaces that have one of its name
        similar: the pull secrets of a namespace
        unknown: why objects could not be read, by ``Kind NAMESPACE`` or ``Kind NAMESPACE/NAME``
        owners: the owners of ReplicaSets and Jobs
    """

    nodes: Sequence[KubeObject] = ()
    pods: Sequence[KubeObject] = ()
    events: Sequence[KubeObject] = ()
    secrets: Mapping[tuple[str, str], KubeObject | None] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    placed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    similar: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    owners: Owners = field(default_factory=dict)


@dataclass(frozen=True)
class PodExpectations:
    """What pods and their pull secrets are expected to have.

    Attributes:
        login: the robot's name in Harbor and the SHA-256 of its password; None if unknown
        digests: the pushed digest, by PROJECT/REPOSITORY:TAG
        ours: the registry of the inventory
        managed: workloads and their pull secrets, by namespace and name
        placed: returns the names of the secrets that ``data.pull_secrets`` may put into a namespace
    """

    host_port: str
    login: tuple[str, str] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    ours: FleetRegistry = field(default_factory=FleetRegistry)
    managed: frozenset[tuple[str, str]] = frozenset()
    placed: Callable[[str], frozenset[str]] = field(default=lambda _: frozenset())

    def manages(self, namespace: str, owner: str, secrets: Iterable[str] = ()) -> bool:
        """Return whether moor manages a pod's owner or one of its pull secrets."""
        return any((namespace, name) in self.managed for name in (owner, *secrets))


def namespace_of(pod: KubeObject) -> str:
    return str(pod["metadata"].get("namespace", "default"))


def pod_name(pod: KubeObject) -> str:
    return f"{namespace_of(pod)}/{pod['metadata']['name']}"


def container_images(pod: KubeObject) -> list[str]:
    """Return the images of a pod's containers, init containers first."""
    spec = pod.get("spec") or {}
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [str(container.get("image", "")) for kind in kinds for container in spec.get(kind) or []]


def registry_path(image: str, host_port: str) -> str:
    """Return an image's PROJECT/REPOSITORY:TAG, or its digest behind ``@``; empty if it is from another registry."""
    host, _, path = image.partition("/")
    if host != host_port or not path:
        return ""
    named, at, digest = path.partition("@")
    head, colon, tag = named.rpartition(":")
    tagged = colon and "/" not in tag
    return f"{head if tagged else named}@{digest}" if at else named if tagged else f"{named}:latest"


def registry_images(pod: KubeObject, host_port: str) -> list[str]:
    """Return a pod's images from one registry, without duplicates."""
    return list(dict.fromkeys(path for image in container_images(pod) if (path := registry_path(image, host_port))))


def uses_registry(pod: KubeObject, host_port: str) -> bool:
    """Return whether a pod has an image from the registry."""
    return any(image.partition("/")[0] == host_port for image in container_images(pod))
