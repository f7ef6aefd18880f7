"""Docker on the hosts that run Harbor or build images, and its trust in the registry's CA.

Docker reads certs.d at every login, pull and push, so a new CA needs no restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.formats.json_text import rewrite
from moor.formats.toml import merge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.service import Service
from moor.settings import prefix_errors, settings_of
from moor.tasks.certs_d import ca_leftovers, ca_resources
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.docker.stored_logins import no_stored_login
from moor.tasks.docker.verification import DAEMON, insecure_entries, verification_requirement
from moor.tasks.facts import Registry
from moor.tasks.packages import packages
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust

if TYPE_CHECKING:
    from moor.tasks.proxies.runtimes import ProxiedUnit

CERTS = "/etc/docker/certs.d"
# An older dockerd has no --validate, so its file is not checked.
CHECK = '! dockerd --help | grep -q -e --validate || dockerd --validate --config-file "$t"'
PROXY_FILE = "/etc/moor/docker-proxy.env"
GROUPS = ("workstations", "harbor")


def judge(host: Host) -> None:
    """Raise UnfitInput if clients would refuse the registry's certificate; a run calls this before it starts."""
    refuse_unfit_trust(host)


def package_sets(host: Host) -> list[tuple[str, ...]]:
    """Return the packages that a host may need, each set installed together; a bundle has them."""
    return [settings_of(host, DockerSettings).packages]


def desired(host: Host) -> Sequence[Resource]:
    """Return the packages, daemon.json, the service, and the registry's CA alone in its certs.d directory."""
    settings, registry = settings_of(host, DockerSettings), settings_of(host, Registry)
    with prefix_errors("data.docker.daemon.insecure-registries"):
        refuse_insecure(settings.daemon.get("insecure-registries"), registry)
    unit = docker_unit(host)
    proxy = unit.files() if unit else ()
    watched = (*((DAEMON,) if settings.daemon else ()), *(one.path for one in proxy))
    directory = f"{CERTS}/{registry.host_port}"
    return [
        verification_requirement(registry),
        *packages(host, settings.packages),
        *_daemon(settings.daemon),
        *proxy,
        Service("docker", newer_than=watched, check="docker info", put_back=bool(watched)),
        *ca_resources(directory, ca_pem(host)),
    ]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of a proxy that the inventory has no more, and of the CA where Docker is not moor's any more.

    Docker itself and its images stay. A host that leaves may not keep logins to the registry.
    """
    registry = settings_of(host, Registry)
    directory = f"{CERTS}/{registry.host_port}"
    found: list[Resource] = [no_stored_login(registry.host_port)] if leaves else []
    if leaves or docker_unit(host) is None:
        from moor.tasks.proxies.unset import unset_proxy

        found += unset_proxy("docker")
    if leaves or not any(map(host.has_parent_group, GROUPS)):
        found += ca_leftovers(directory, ca_pem(host))
    return found


def install_docker(task: Task) -> Result:
    """Install and start Docker, and make it trust the registry."""
    return converge(task, desired)


def docker_unit(host: Host) -> ProxiedUnit | None:
    """Return Docker's unit with its proxy; None where the inventory gives it none."""
    special = settings_of(host, DockerSettings).proxy
    if special is None and host.data.get("proxy") is None:
        return None
    from moor.tasks.proxies.runtimes import proxied_unit  # few fleets have a proxy

    return proxied_unit(host, "docker", special=special)


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
