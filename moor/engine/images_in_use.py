"""The images that a cluster names, as reports list them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from moor.engine.findings import Finding
from moor.engine.plan import printable, printable_line

ImageState = Literal["there", "missing", "denied", "unexamined", "skipped", "local"]
ImageRoute = Literal["own", "mirror", "direct"]


@dataclass(frozen=True)
class ImageFault:
    """What is wrong with an image.

    Attributes:
        kind: ``missing``, ``denied``, ``moved``, ``platform``
        what: one sentence
        remedy: what to do
    """

    kind: str
    what: str
    remedy: str


@dataclass(frozen=True)
class ImageInUse:
    """An image that the cluster names.

    Attributes:
        name: with registry and tag, as runtimes complete it
        state: ``there`` if the registry has it; ``denied`` if nobody who names it may pull it; ``unexamined`` if the
            registry does not say, ``skipped`` if it was not to be asked, ``local`` if no container may pull it
        route: from where nodes pull it: the fleet's own registry, a mirror there, or its registry directly
        why: why it was not examined
        digest: what the registry has under the name
        users: the workloads that name it, such as ``Deployment shop/web``
        pods: how many pods run it
        nodes: those that run it
        cluster: the host that names the cluster, if the fleet has several; otherwise empty
        only_cached: pods run it although no node could pull it again
    """

    name: str
    registry: str
    state: ImageState
    route: ImageRoute = "direct"
    why: str = ""
    digest: str = ""
    namespaces: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    pods: int = 0
    nodes: tuple[str, ...] = ()
    only_cached: bool = False
    faults: tuple[ImageFault, ...] = ()
    cluster: str = ""
    stage: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        return f"image:{self.name}"

    @property
    def host(self) -> str:
        """Return the host that names the cluster; empty for the fleet's only one."""
        return self.cluster

    @property
    def what(self) -> str:
        """Return in one line what is known of it."""
        words = "; ".join(fault.what for fault in self.faults) or self.why or self.state
        return f"{self.name}: {words}"

    @property
    def remedy(self) -> str:
        """Return the remedies."""
        return "; ".join(dict.fromkeys(fault.remedy for fault in self.faults))

    def printable(self) -> ImageInUse:
        """Return the same with nothing in its texts that a terminal would act on."""
        faults = tuple(ImageFault(one.kind, printable(one.what), printable(one.remedy)) for one in self.faults)
        users, namespaces, nodes = (
            tuple(map(printable_line, some)) for some in (self.users, self.namespaces, self.nodes)
        )
        about = {"why": printable(self.why), "digest": printable_line(self.digest), "faults": faults}
        return replace(self, **about, users=users, namespaces=namespaces, nodes=nodes)  # type: ignore[arg-type]

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each fault."""
        for fault in self.faults:
            yield Finding(f"image-{fault.kind}:{self.name}", fault.what, fault.remedy, self.cluster)
