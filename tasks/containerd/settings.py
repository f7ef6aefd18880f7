"""What the inventory says of a node's container runtime."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from moor.settings import Section

AGENT = {"k3s": "k3s-agent", "rke2": "rke2-agent"}
CONFIG = "/etc/containerd/config.toml"
Path = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]*[A-Za-z0-9._-]$")]


class ContainerdSettings(Section):
    """How the container runtime of a node finds the registry: docs/containerd.md.

    Attributes:
        runtime: ``k3s`` or ``rke2`` where these keep a containerd of their own, see docs/new-nodes.md; ``crio``
        unit: the service of k3s, RKE2 or CRI-O; their agent, or crio, where nothing is written
        config: the file that containerd is started with
        drop_in: a file that ``config`` imports, which moor writes instead of it
        config_path: the nodes' directory of registries, the only one
        release: of containerd on machines that are yet to boot (docs/new-nodes.md#right-at-the-first-boot); without
            one, their file is of version 2, which every release reads
        sandbox_image: of which containerd makes every pod's sandbox, see docs/mirrors.md#the-pause-image
        extra: more of containerd's own configuration, laid over what its file says
        settle_s: how long containerd may take to be ready after a restart
    """

    section: ClassVar[str] = "containerd"

    runtime: Literal["containerd", "k3s", "rke2", "crio"] = "containerd"
    unit: Annotated[str, Field(pattern=r"^[A-Za-z0-9:_.@-]+$")] | None = None
    config: Path = CONFIG
    drop_in: Path | None = None
    config_path: Path = "/etc/containerd/certs.d"
    release: Annotated[str, Field(pattern=r"^[12]\.\d{1,2}(\.\d{1,3})?$")] | None = None
    sandbox_image: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")] | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    settle_s: Annotated[int, Field(ge=1, le=600)] = 30

    @property
    def service(self) -> str:
        """Return the systemd unit of the runtime."""
        named = self.unit if self.runtime != "containerd" else None
        return named or AGENT.get(self.runtime, self.runtime)
