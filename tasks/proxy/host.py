"""What a host holds whose programs have a proxy; few fleets have the section, so imported late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nornir.core.inventory import Host

from moor.context import runs_registry
from moor.resources.base import Resource
from moor.settings import optional_settings_of, prefix_errors, settings_of
from moor.tasks.containerd.configure import CRI_CHECK
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.docker.install import docker_unit
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.proxies.no_proxy import exclusions_of, for_go
from moor.tasks.proxies.runtimes import ProxiedUnit, RunningProxy, proxied_unit
from moor.tasks.proxies.settings import ProxySettings
from moor.tasks.proxies.unset import unset_proxy
from moor.tasks.proxy.programs import environment_resource, package_resources, program_leftovers

CHECKS = {"containerd": CRI_CHECK, "docker": "docker info"}


def files_of(host: Host) -> Sequence[Resource]:
    """Return the files by which the host's programs use its proxy."""
    settings = settings_of(host, ProxySettings)
    exclusions, found = exclusions_of(host, settings), list[Resource]()
    with prefix_errors("data.proxy.login"):
        if "packages" in settings.programs:
            found += package_resources(settings, exclusions)
    if "environment" in settings.programs:
        found.append(environment_resource(settings, exclusions))
    return [*found, *(file for unit in units_of(host) for file in unit.files())]


def running_of(host: Host) -> Sequence[Resource]:
    """Return that each runtime of the host runs with its proxy."""
    settle_s = settings_of(host, ContainerdSettings).settle_s
    return [RunningProxy(unit, CHECKS.get(unit.unit, ":"), settle_s) for unit in units_of(host)]


def units_of(host: Host) -> Iterator[ProxiedUnit]:
    """Yield the units of the host's container runtimes that are started with a proxy."""
    found = [node_unit(host), docker_unit(host) if has_docker(host) else None]
    yield from (unit for unit in found if unit)


def node_unit(host: Host) -> ProxiedUnit | None:
    """Return the unit of a node's runtime; None where it has no proxy by the inventory, and on other hosts."""
    if not host.has_parent_group("nodes"):
        return None
    runtime = settings_of(host, ContainerdSettings)
    return proxied_unit(host, runtime.service, "" if runtime.runtime == "containerd" else runtime.runtime)


def has_docker(host: Host) -> bool:
    """Return whether moor keeps Docker on the host."""
    return host.has_parent_group("workstations") or (host.has_parent_group("harbor") and runs_registry(host))


def leftovers_of(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of what moor wrote for programs to which the inventory gives the host's proxy no more."""
    settings = optional_settings_of(host, ProxySettings)
    programs = settings.programs if settings and not leaves else ()
    found = list(program_leftovers("packages" not in programs, "environment" not in programs))
    if "runtimes" in programs:
        return found
    own = optional_settings_of(host, DockerSettings)
    if leaves or own is None or own.proxy is None:
        found += unset_proxy("docker")
    return [*found, *unset_proxy(settings_of(host, ContainerdSettings).service)]


def talos_documents(host: Host) -> list[dict[str, object]]:
    """Return the document of Talos' machine configuration by which its services have the host's proxy."""
    settings = settings_of(host, ProxySettings)
    if "runtimes" not in settings.programs:
        return []
    with prefix_errors("data.proxy.login"):
        url = settings.whole_url()
    found = {"http_proxy": url, "https_proxy": url, "no_proxy": for_go(exclusions_of(host, settings))}
    return [{"apiVersion": "v1alpha1", "kind": "EnvironmentConfig", "variables": found}]
