"""What was read of a cluster, and what pods should have; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moor.tasks.diagnosis.evidence.owners import Owners
from moor.tasks.diagnosis.messages.fields import FleetRegistry

KubeObject = Mapping[str, Any]


@dataclass(frozen=True)
class ClusterSnapshot:
    """What was read of the cluster, once for all nodes.

    Attributes:
        secrets: by namespace and name; None where it does not exist
        accounts: names of the pull secrets of a ServiceAccount, by namespace and name
        placed: namespaces in which a secret of that name exists
        unknown: why something could not be read, by ``Kind NAMESPACE`` or ``Kind NAMESPACE/NAME``
        owners: of ReplicaSets and Jobs
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
    """What pods and their pull secrets should have.

    Attributes:
        login: of the robot, as Harbor names it; None where nobody knows it
        digests: that were pushed, by PROJECT/REPOSITORY
        ours: the registry of the inventory
        managed: workloads and pull secrets of the inventory, by namespace and name
    """

    host_port: str
    login: tuple[str, str] | None = None  # the password by its hash
    digests: Mapping[str, str] = field(default_factory=dict)
    ours: FleetRegistry = field(default_factory=FleetRegistry)
    managed: frozenset[tuple[str, str]] = frozenset()

    def manages(self, namespace: str, owner: str, secrets: Iterable[str] = ()) -> bool:
        """Return whether the inventory makes what owns a pod, or one of its pull secrets."""
        return any((namespace, name) in self.managed for name in (owner, *secrets))


def namespace_of(pod: KubeObject) -> str:
    return str(pod["metadata"].get("namespace", "default"))


def pod_name(pod: KubeObject) -> str:
    return f"{namespace_of(pod)}/{pod['metadata']['name']}"


def container_images(pod: KubeObject) -> list[str]:
    """List the images of a pod's containers, the initial ones first."""
    spec = pod.get("spec") or {}
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [str(container.get("image", "")) for kind in kinds for container in spec.get(kind) or []]


def registry_path(image: str, host_port: str) -> str:
    """Return an image's PROJECT/REPOSITORY:TAG, or its digest behind ``@``; empty where it is of another registry."""
    host, _, path = image.partition("/")
    if host != host_port or not path:
        return ""
    named, at, digest = path.partition("@")
    head, colon, tag = named.rpartition(":")
    tagged = colon and "/" not in tag
    return f"{head if tagged else named}@{digest}" if at else named if tagged else f"{named}:latest"


def registry_images(pod: KubeObject, host_port: str) -> list[str]:
    """List a pod's images of one registry, each once."""
    return list(dict.fromkeys(path for image in container_images(pod) if (path := registry_path(image, host_port))))


def uses_registry(pod: KubeObject, host_port: str) -> bool:
    """Return whether a pod takes an image from the registry."""
    return any(image.partition("/")[0] == host_port for image in container_images(pod))
