"""Docker on the hosts that run Harbor or build images, and its trust in the registry's CA.

Docker reads certs.d at every login, pull and push, so a new CA needs no restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field

from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.formats.json_text import rewrite
from moor.formats.toml import merge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.package import Package
from moor.resources.service import Service
from moor.settings import Section, prefix_errors, settings_of
from moor.tasks.certs_d import ca_resources
from moor.tasks.docker.verification import DAEMON, insecure_entries, verification_requirement
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust

CERTS = "/etc/docker/certs.d"
# An older dockerd has no --validate, so its file is not checked.
CHECK = '! dockerd --help | grep -q -e --validate || dockerd --validate --config-file "$t"'
PackageName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.+_:-]*$")]


class DockerSettings(Section):
    """Docker Engine with Compose v2.

    Attributes:
        packages: the packages to install; Docker's own are docker-ce, docker-ce-cli, containerd.io and
            docker-compose-plugin; empty if the system comes with Docker
        daemon: settings merged into daemon.json; empty leaves that file alone
    """

    section: ClassVar[str] = "docker"

    packages: tuple[PackageName, ...] = ("docker.io", "docker-cli", "docker-compose")
    daemon: dict[str, Any] = Field(default_factory=dict)


def judge(host: Host) -> None:
    """Raise UnfitInput if clients would refuse the registry's certificate; a run calls this before it starts."""
    refuse_unfit_trust(host)


def desired(host: Host) -> Sequence[Resource]:
    """Return the packages, daemon.json, the service, and the registry's CA alone in its certs.d directory."""
    settings, registry = settings_of(host, DockerSettings), settings_of(host, Registry)
    with prefix_errors("data.docker.daemon.insecure-registries"):
        refuse_insecure(settings.daemon.get("insecure-registries"), registry)
    watched = (DAEMON,) if settings.daemon else ()
    directory = f"{CERTS}/{registry.host_port}"
    return [
        verification_requirement(registry),
        *([Package(settings.packages)] if settings.packages else ()),
        *_daemon(settings.daemon),
        Service("docker", newer_than=watched, check="docker info", put_back=bool(watched)),
        *ca_resources(directory, ca_pem(host)),
    ]


def install_docker(task: Task) -> Result:
    """Install and start Docker, and make it trust the registry."""
    return converge(task, desired)


def refuse_insecure(names: object, registry: Registry) -> None:
    """Raise InputError if the inventory has Docker skip the check of the registry's certificate."""
    for name in insecure_entries(names, registry):
        raise InputError(
            f"{name}: Docker would not check the registry's certificate; remove the entry, Docker trusts the CA"
        )


def _daemon(settings: Mapping[str, Any]) -> list[Resource]:
    if not settings:
        return []
    return [Edit(DAEMON, "settings", partial(edit_daemon_json, settings=dict(settings)), check=CHECK)]


def edit_daemon_json(content: str, _: str, settings: dict[str, Any]) -> str:
    """Return daemon.json with the settings merged into it; all other lines stay unchanged."""
    try:
        return rewrite(content, lambda before: merge(before, settings))
    except ValueError as error:
        raise HostError(f"{DAEMON}: {error}; mend it or move it away") from None
