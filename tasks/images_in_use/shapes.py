"""The fields of a cluster's objects that say which images it uses; everything else is skipped while it is parsed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct, field
from msgspec.json import Decoder

T = TypeVar("T")


class OwnerReference(Struct):
    """A reference to the owner of an object."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Metadata(Struct):
    """The metadata of an object."""

    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    deleted: str | None = field(default=None, name="deletionTimestamp")
    owners: list[OwnerReference] | None = field(default=None, name="ownerReferences")


class NamedObject(Struct):
    """A reference to an object of the same namespace."""

    name: str | None = None


class Container(Struct):
    """A container of a pod."""

    name: str = ""
    image: str | None = None
    policy: str | None = field(default=None, name="imagePullPolicy")


class Requirement(Struct):
    """A requirement for labels of nodes."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class SelectorTerm(Struct):
    """Requirements of which all must hold."""

    expressions: list[Requirement] | None = field(default=None, name="matchExpressions")


class NodeSelector(Struct):
    """Terms of which one must hold."""

    terms: list[SelectorTerm] | None = field(default=None, name="nodeSelectorTerms")


class NodeAffinity(Struct):
    """The nodes on which a pod may be."""

    required: NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")


class Affinity(Struct):
    """The affinity of a pod."""

    node: NodeAffinity | None = field(default=None, name="nodeAffinity")


class PodSpec(Struct):
    """The specification of a pod."""

    containers: list[Container] | None = None
    init: list[Container] | None = field(default=None, name="initContainers")
    ephemeral: list[Container] | None = field(default=None, name="ephemeralContainers")
    secrets: list[NamedObject] | None = field(default=None, name="imagePullSecrets")
    account: str | None = field(default=None, name="serviceAccountName")
    node: str | None = field(default=None, name="nodeName")
    selector: dict[str, str] | None = field(default=None, name="nodeSelector")
    affinity: Affinity | None = None


class ContainerState(Struct):
    """The state of a container."""

    running: dict[str, Any] | None = None


class ContainerStatus(Struct):
    """The status of a container."""

    name: str = ""
    image_id: str | None = field(default=None, name="imageID")
    state: ContainerState | None = None


class PodStatus(Struct):
    """The status of a pod."""

    phase: str | None = None
    containers: list[ContainerStatus] | None = field(default=None, name="containerStatuses")
    init: list[ContainerStatus] | None = field(default=None, name="initContainerStatuses")
    ephemeral: list[ContainerStatus] | None = field(default=None, name="ephemeralContainerStatuses")


class Pod(Struct):
    """A pod."""

    metadata: Metadata
    spec: PodSpec
    status: PodStatus | None = None


class Template(Struct):
    """A template of pods."""

    spec: PodSpec | None = None


class WorkloadSpec(Struct):
    """The specification of anything that makes pods."""

    template: Template | None = None
    job: JobTemplate | None = field(default=None, name="jobTemplate")


class JobTemplate(Struct):
    """A CronJob's template of Jobs."""

    spec: WorkloadSpec | None = None


class Condition(Struct):
    """A condition of a Job."""

    type: str = ""
    status: str = ""


class WorkloadStatus(Struct):
    """The status of a workload; only Jobs end."""

    conditions: list[Condition] | None = None


class Workload(Struct):
    """Anything that makes pods."""

    metadata: Metadata
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None


class NodeInfo(Struct):
    """What a node's kubelet says of its machine."""

    architecture: str = ""
    os: str = field(default="", name="operatingSystem")


class NodeStatus(Struct):
    """The status of a node."""

    info: NodeInfo | None = field(default=None, name="nodeInfo")


class Node(Struct):
    """A node."""

    metadata: Metadata
    status: NodeStatus | None = None


class Account(Struct):
    """A ServiceAccount."""

    metadata: Metadata
    secrets: list[NamedObject] | None = field(default=None, name="imagePullSecrets")


class PullSecret(Struct):
    """A secret with logins."""

    metadata: Metadata
    type: str = ""
    data: dict[str, str] | None = None


class ListMetadata(Struct):
    """Where a list goes on."""

    more: str | None = field(default=None, name="continue")


class Page(Struct, Generic[T]):
    """One page of a list."""

    kind: str
    metadata: ListMetadata | None = None
    items: list[T] | None = None

    @property
    def entries(self) -> list[T]:
        """Return its objects."""
        return self.items or []

    @property
    def more(self) -> str:
        """Return where the list goes on; empty at its end."""
        return (self.metadata.more if self.metadata else None) or ""


PODS, WORKLOADS = Decoder(Page[Pod]), Decoder(Page[Workload])
NODES, ACCOUNTS, SECRETS = Decoder(Page[Node]), Decoder(Page[Account]), Decoder(Page[PullSecret])
SECRET, ACCOUNT = Decoder(PullSecret), Decoder(Account)
