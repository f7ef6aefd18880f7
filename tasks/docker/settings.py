"""What the inventory says of Docker."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from moor.settings import SecretRef, Section
from moor.settings.section import StrictModel

PackageName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.+_:-]*$")]


class Proxy(StrictModel):
    """The HTTP proxy through which Docker pulls images of other registries.

    It goes into a file that systemd reads for Docker (``/etc/moor/docker-proxy.env``, for root alone). Once the key is
    taken out, ``moor remove docker`` removes that file, and restarts Docker.

    Attributes:
        url: ``http://NAME:PORT``, without a login
        login: ``USER:PASSWORD``, where the proxy wants one
        no_proxy: more names that Docker reaches without it; the registry's own are among them already
    """

    url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._\[\]:-]+/?$")]
    login: SecretRef | None = None
    no_proxy: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9._*:/-]+$")], ...] = ()


class DockerSettings(Section):
    """Docker Engine with Compose v2, on the registry host and the workstations.

    The packages are those of Debian 13. Debian 12 has no Compose v2, and Ubuntu gives it another name: write what the
    host's package source has, such as ``[docker-ce, docker-ce-cli, containerd.io, docker-compose-plugin]`` of Docker's
    own, which RHEL has too.

    Attributes:
        packages: what brings the engine and Compose v2; a list; ``[]`` where the system comes with them
        daemon: keys laid over ``/etc/docker/daemon.json``; without any that file is left alone
        proxy: the proxy through which Docker pulls images of other registries
    """

    section: ClassVar[str] = "docker"

    packages: tuple[PackageName, ...] = ("docker.io", "docker-cli", "docker-compose")
    daemon: dict[str, Any] = Field(default_factory=dict)
    proxy: Proxy | None = None
