"""What the inventory says of Docker."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from moor.settings import Section
from moor.tasks.proxies.settings import Proxy

PackageName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.+_:-]*$")]


class DockerSettings(Section):
    """Docker Engine with Compose v2, on the registry host and the workstations.

    The packages are those of Debian 13. Debian 12 has no Compose v2, and Ubuntu gives it another name: write what the
    host's package source has, such as ``[docker-ce, docker-ce-cli, containerd.io, docker-compose-plugin]`` of Docker's
    own, which RHEL has too.

    Attributes:
        packages: what brings the engine and Compose v2; a list; ``[]`` where the system comes with them
        daemon: keys laid over ``/etc/docker/daemon.json``; without any that file is left alone
        proxy: Docker's proxy, where it is not that of ``data.proxy``
    """

    section: ClassVar[str] = "docker"

    packages: tuple[PackageName, ...] = ("docker.io", "docker-cli", "docker-compose")
    daemon: dict[str, Any] = Field(default_factory=dict)
    proxy: Proxy | None = None
