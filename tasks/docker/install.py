"""Docker on the hosts that run Harbor or build images, and its trust in the registry's CA.

Docker reads certs.d at every login, pull and push, so a new CA needs no restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.formats.json_text import rewrite
from moor.formats.toml import merge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.file import Absent, File
from moor.resources.leftover import Leftover
from moor.resources.service import Service
from moor.secrets.secret import Secret
from moor.settings import prefix_errors, settings_of
from moor.tasks.certs_d import ca_leftovers, ca_resources
from moor.tasks.docker.settings import DockerSettings, Proxy
from moor.tasks.docker.stored_logins import no_stored_login
from moor.tasks.docker.unset_proxy import UnsetProxy
from moor.tasks.docker.verification import DAEMON, insecure_entries, verification_requirement
from moor.tasks.facts import Registry
from moor.tasks.packages import packages
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust

CERTS = "/etc/docker/certs.d"
# An older dockerd has no --validate, so its file is not checked.
CHECK = '! dockerd --help | grep -q -e --validate || dockerd --validate --config-file "$t"'
PROXY_FILE = "/etc/moor/docker-proxy.env"
PROXY_UNIT = "/etc/systemd/system/docker.service.d/moor-proxy.conf"
MARK = "# Written by moor"
GROUPS = ("workstations", "harbor")
LOCAL = ("localhost", "127.0.0.1", "::1")


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
    proxy = _proxy(settings.proxy, registry)
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
    settings, registry = settings_of(host, DockerSettings), settings_of(host, Registry)
    directory = f"{CERTS}/{registry.host_port}"
    found: list[Resource] = [no_stored_login(registry.host_port)] if leaves else []
    if leaves or settings.proxy is None:
        found += [Leftover(PROXY_UNIT, MARK), Absent(PROXY_FILE), UnsetProxy()]
    if leaves or not any(map(host.has_parent_group, GROUPS)):
        found += ca_leftovers(directory, ca_pem(host))
    return found


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


def _proxy(proxy: Proxy | None, registry: Registry) -> list[File]:
    if proxy is None:
        return []
    with prefix_errors("data.docker.proxy.login"):
        content = proxy_environment(proxy, registry)
    unit = f"# Written by moor from data.docker.proxy.\n[Service]\nEnvironmentFile={PROXY_FILE}\n"
    return [File(PROXY_FILE, content, mode="0600"), File(PROXY_UNIT, unit)]


def proxy_environment(proxy: Proxy, registry: Registry) -> str | Secret:
    """Return dockerd's environment file; a secret where the proxy wants a login.

    Raises:
        InputError: the login cannot be read, or is not USER:PASSWORD
    """
    scheme, _, place = proxy.url.rstrip("/").partition("://")
    around = ",".join([*LOCAL, *registry.names, *proxy.no_proxy])
    lines = "HTTP_PROXY={0}\nHTTPS_PROXY={0}\nNO_PROXY={1}\n"
    if proxy.login is None:
        return lines.format(f"{scheme}://{place}", around)
    user, colon, password = proxy.login.resolve().reveal().partition(":")
    if not colon or not user:
        raise InputError("it is not USER:PASSWORD")
    return Secret(lines.format(f"{scheme}://{quote(user, '')}:{quote(password, '')}@{place}", around))


def edit_daemon_json(content: str, _: str, settings: dict[str, Any]) -> str:
    """Return daemon.json with the settings merged into it; all other lines stay unchanged."""
    try:
        return rewrite(content, lambda before: merge(before, settings))
    except ValueError as error:
        raise HostError(f"{DAEMON}: {error}; mend it or move it away") from None
