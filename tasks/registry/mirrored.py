"""The endpoints and the proxy caches of registries that come through this one; what the inventory lists itself wins."""

from __future__ import annotations

from collections.abc import Iterator

from nornir.core.inventory import Host

from moor.context import runs_registry
from moor.tasks.harbor.api import api_login_of
from moor.tasks.mirrors.settings import Mirror, endpoint_of, mirrors_of, project_of
from moor.tasks.registry.project.policy import ProxyCache
from moor.tasks.registry.project.settings import Project
from moor.tasks.registry.replication.endpoint import Endpoint, EndpointThing, Type
from moor.tasks.registry.written_system import written_system

# Where Harbor finds a registry, and by which of its adapters; any other one is at its own name.
UPSTREAMS: dict[str, tuple[str, Type]] = {
    "docker.io": ("https://hub.docker.com", "docker-hub"),
    "quay.io": ("https://quay.io", "quay"),
    "ghcr.io": ("https://ghcr.io", "github-ghcr"),
}
DESCRIPTION = "kept by moor for data.mirrors"


def mirror_things(host: Host) -> Iterator[EndpointThing]:
    """Yield the endpoints that mirrors need and the inventory does not list."""
    for name, endpoint in mirror_endpoints(host).items():
        yield EndpointThing(name, endpoint)


def mirror_endpoints(host: Host) -> dict[str, Endpoint]:
    """Return the endpoints that mirrors need and the inventory does not list, by name."""
    system = written_system(host)
    listed = system.registries if system else {}
    needed = {endpoint_of(name, one): name for name, one in _made(host).items() if one.endpoint is None}
    return {key: upstream_of(name) for key, name in needed.items() if key not in listed}


def mirror_projects(host: Host) -> dict[str, Project]:
    """Return the proxy caches that mirrors need; everybody may pull, since pods bring no login for them."""
    return {
        project_of(name, one): Project(public=True, proxy_cache=ProxyCache(registry=endpoint_of(name, one)))
        for name, one in _made(host).items()
    }


def mirror_faults(host: Host, listed: dict[str, Project]) -> Iterator[str]:
    """Yield the mirrors whose project the inventory lists as something else."""
    for name, one in _made(host).items():
        project, endpoint = listed.get(project_of(name, one)), endpoint_of(name, one)
        cached = project.proxy_cache.registry if project and project.proxy_cache else None
        if project and cached != endpoint:
            what = f"a proxy cache of {cached}" if cached else "no proxy cache"
            yield (
                f"{host.name}: data.mirrors.{name}: data.projects.{project_of(name, one)} is {what}; write "
                f"proxy_cache: {{registry: {endpoint}}} there, or name another project in data.mirrors.{name}.project"
            )


def upstream_of(name: str) -> Endpoint:
    """Return the endpoint of a registry by its name."""
    url, kind = UPSTREAMS.get(name, (f"https://{name}", "docker-registry"))
    return Endpoint(url=url, type=kind, description=DESCRIPTION)


def _made(host: Host) -> dict[str, Mirror]:
    """Return the mirrors whose caches moor makes: none in a registry of which it has no account."""
    if api_login_of(host) is None and not runs_registry(host):
        return {}
    return mirrors_of(host) or {}
