"""What the inventory says of podman."""

from __future__ import annotations

from typing import ClassVar

from moor.settings import Section
from moor.tasks.docker.settings import PackageName


class PodmanSettings(Section):
    """Podman on a host: docs/containerd.md#cri-o-and-podman.

    A host without this section has its podman left as it is.

    Attributes:
        packages: what brings it; ``[]`` where the system comes with it
    """

    section: ClassVar[str] = "podman"

    packages: tuple[PackageName, ...] = ("podman",)
