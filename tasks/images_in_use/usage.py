"""Who names which image, reduced from pods and workloads while their lists are read; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from moor.tasks.diagnosis.evidence.owners import top_owner
from moor.tasks.image_reference import ImageReference, digest_in, parse_image
from moor.tasks.images_in_use.shapes import (
    Container,
    ContainerStatus,
    Metadata,
    Pod,
    PodSpec,
    SelectorTerm,
    Workload,
    WorkloadSpec,
)

ARCHITECTURE = ("kubernetes.io/arch", "beta.kubernetes.io/arch")
ENDED_PODS = ("Succeeded", "Failed")
ENDED_JOBS = ("Complete", "Failed")
OWNED = ("ReplicaSet", "Job")  # kinds whose owner, if they have one, names the image
NEVER = "Never"


@dataclass(frozen=True)
class Use:
    """A workload, or a pod without one, that names an image.

    Attributes:
        secrets: names of its pull secrets; empty for those of its ServiceAccount
        architectures: those that it restricts its pods to; empty for all
    """

    namespace: str
    kind: str
    name: str
    secrets: tuple[str, ...] = ()
    account: str = ""
    architectures: frozenset[str] = frozenset()

    @property
    def owner(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass
class Usage:
    """What uses one image.

    Attributes:
        uses: running pods of each use
        digests: running pods by the digest that they run; empty for an image that was imported on the node
        nodes: names of the nodes that run it
        proven: nodes that run a digest, by digest
        pulled: whether any container may pull it; not if all have imagePullPolicy Never
    """

    uses: Counter[Use] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)
    nodes: set[str] = field(default_factory=set)
    proven: dict[str, set[str]] = field(default_factory=dict)
    pulled: bool = False

    @property
    def pods(self) -> int:
        """Return how many pods run it."""
        return self.uses.total()


@dataclass
class ClusterUsage:
    """All images that a cluster names; lists of workloads, which run nothing themselves, can be merged into it.

    Attributes:
        images: by their full name
        unusable: names that runtimes refuse, with why, and who has them
        pods: how many pods were read, without those that have ended
    """

    images: dict[ImageReference, Usage] = field(default_factory=dict)
    unusable: dict[str, tuple[str, set[Use]]] = field(default_factory=dict)
    pods: int = 0
    _parsed: dict[str, ImageReference | None] = field(default_factory=dict, repr=False)

    def add_pod(self, pod: Pod) -> None:
        """Add a pod, unless it has ended or is being deleted: it pulls no more."""
        status = pod.status
        if pod.metadata.deleted or (status and status.phase in ENDED_PODS):
            return
        self.pods += 1
        use = _use(pod.metadata.namespace, *_owner(pod.metadata), pod.spec)
        statuses = {one.name: one for one in _statuses(pod)}
        counted = set[ImageReference]()
        for container in containers_of(pod.spec):
            usage, image = self._named(container, use)
            known = statuses.get(container.name)
            if usage and image and known and known.state and known.state.running is not None:
                _add_running(usage, known, pod.spec.node or "")
                if image not in counted:
                    usage.uses[use] += 1
                    counted.add(image)

    def add_workload(self, kind: str, workload: Workload) -> None:
        """Add what a workload's template names, unless another object names the same, or it has ended."""
        about, spec = workload.metadata, _pod_spec(workload.spec)
        if spec is None or about.deleted or _has_ended(workload) or (kind in OWNED and about.owners):
            return
        use = _use(about.namespace, kind, about.name, spec)
        for container in containers_of(spec):
            self._named(container, use)

    def _named(self, container: Container, use: Use) -> tuple[Usage | None, ImageReference | None]:
        """Note that a container names its image; return what is known of that."""
        name = container.image or ""
        if name not in self._parsed:
            try:
                self._parsed[name] = parse_image(name)
            except ValueError as error:
                self._parsed[name] = None
                self.unusable[name] = (str(error), set())
        image = self._parsed[name]
        if image is None:
            self.unusable[name][1].add(use)
            return None, None
        usage = self.images.setdefault(image, Usage())
        usage.uses.setdefault(use, 0)
        usage.pulled = usage.pulled or container.policy != NEVER
        return usage, image

    def merge(self, other: ClusterUsage) -> None:
        """Add what another list named."""
        for image, usage in other.images.items():
            own = self.images.setdefault(image, Usage())
            for use, pods in usage.uses.items():
                own.uses[use] += pods
            own.pulled = own.pulled or usage.pulled
        for name, (why, uses) in other.unusable.items():
            self.unusable.setdefault(name, (why, set()))[1].update(uses)

    def resolve_accounts(self, accounts: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        """Give uses without pull secrets those of their ServiceAccount, as new pods get them."""
        for usage in self.images.values():
            found = Counter[Use]()
            for use, pods in usage.uses.items():
                given = use.secrets or accounts.get((use.namespace, use.account), ())
                found[Use(use.namespace, use.kind, use.name, given, use.account, use.architectures)] += pods
            usage.uses = found


def containers_of(spec: PodSpec) -> Iterator[Container]:
    """Yield all containers of a pod, init containers first."""
    for several in (spec.init, spec.containers, spec.ephemeral):
        yield from several or ()


def _statuses(pod: Pod) -> Iterator[ContainerStatus]:
    status = pod.status
    for several in (status.init, status.containers, status.ephemeral) if status else ():
        yield from several or ()


def _add_running(usage: Usage, status: ContainerStatus, node: str) -> None:
    digest = digest_in(status.image_id or "")
    usage.digests[digest] += 1
    usage.nodes.add(node)
    usage.proven.setdefault(digest, set()).add(node)


def _use(namespace: str, kind: str, name: str, spec: PodSpec) -> Use:
    secrets = tuple(dict.fromkeys(one.name for one in spec.secrets or () if one.name))
    return Use(namespace, kind, name, secrets, spec.account or "default", architectures_of(spec))


def _owner(about: Metadata) -> tuple[str, str]:
    """Return kind and name of what a user wrote to have this pod."""
    references = [{"kind": o.kind, "name": o.name, "controller": o.controller} for o in about.owners or ()]
    metadata = {"name": about.name, "namespace": about.namespace, "labels": about.labels, "ownerReferences": references}
    kind, name = top_owner({"metadata": metadata}, {})
    return ("Pod", about.name) if kind == "Node" else (kind, name)  # the kubelet's own, from a file on the node


def _pod_spec(spec: WorkloadSpec | None) -> PodSpec | None:
    inner = spec.job.spec if spec and spec.job else spec
    return inner.template.spec if inner and inner.template else None


def _has_ended(workload: Workload) -> bool:
    conditions = (workload.status.conditions if workload.status else None) or ()
    return any(one.type in ENDED_JOBS and one.status == "True" for one in conditions)


def architectures_of(spec: PodSpec) -> frozenset[str]:
    """Return the architectures that a pod restricts itself to, by selector and affinity; empty for all."""
    selected = [spec.selector[key] for key in ARCHITECTURE if spec.selector and key in spec.selector]
    if selected:
        return frozenset(selected)
    required = spec.affinity.node.required if spec.affinity and spec.affinity.node else None
    terms = [_allowed(term) for term in (required.terms if required else None) or ()]
    return frozenset().union(*terms) if terms and all(terms) else frozenset()


def _allowed(term: SelectorTerm) -> frozenset[str]:
    """Return the architectures that one term allows; empty if it says nothing of them."""
    found = (one for one in term.expressions or () if one.key in ARCHITECTURE and one.operator == "In")
    return next((frozenset(one.values or ()) for one in found), frozenset())
