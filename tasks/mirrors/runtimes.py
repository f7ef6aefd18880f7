"""Where each runtime of a host finds the images of mirrored registries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from nornir.core.inventory import Host

from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.settings import optional_settings_of, settings_of
from moor.tasks.certs_d import HidingDirectory
from moor.tasks.containerd.configure import containerd_service, expected_config, version_printed
from moor.tasks.containerd.rancher import DIRECTORY
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.facts import Registry
from moor.tasks.mirrors import docker, podman, rancher
from moor.tasks.mirrors.hosts_toml import CacheHost, edit_hosts_toml
from moor.tasks.mirrors.leftovers import UnlistedMirrors
from moor.tasks.mirrors.old_config import edit_old_config
from moor.tasks.mirrors.rancher import made_name
from moor.tasks.mirrors.settings import Mirror, cache_url, mirrors_of, server_url
from moor.tasks.pki.issue import ca_pem
from moor.tasks.podman.configure import crio_service, is_crio_node
from moor.tasks.podman.settings import PodmanSettings

NODES, WORKSTATIONS = "nodes", "workstations"


def resources_of(host: Host) -> Sequence[Resource]:
    """Return where each runtime of a host finds the mirrored registries; nothing where none is mirrored."""
    mirrors = mirrors_of(host)
    if mirrors is None:
        return []
    found = list[Resource]()
    if host.has_parent_group(NODES):
        found += node_resources(host, mirrors)
    if optional_settings_of(host, PodmanSettings) and not is_crio_node(host):
        found += podman.resources(caches_of(host, mirrors, ""))
    if host.has_parent_group(WORKSTATIONS):
        found += docker.resources(caches_of(host, mirrors, docker.CERTS), mirrors)
    return found


def node_resources(host: Host, mirrors: Mapping[str, Mirror]) -> Iterator[Resource]:
    """Yield what the runtime of a node reads about mirrored registries."""
    settings = settings_of(host, ContainerdSettings)
    if settings.runtime == "crio":
        yield from podman.resources(caches_of(host, mirrors, ""))
        yield crio_service(settings.unit, settings.settle_s)
    elif settings.runtime == "containerd":
        yield from containerd_resources(host, settings, caches_of(host, mirrors, settings.config_path))
    else:
        ca = f"{DIRECTORY[settings.runtime]}/moor-registry-ca.crt" if ca_pem(host) else ""
        yield from rancher.resources(settings.runtime, caches_of(host, mirrors, "", ca))


def containerd_resources(host: Host, settings: ContainerdSettings, caches: Sequence[CacheHost]) -> Iterator[Resource]:
    """Yield each registry's hosts.toml, and the configuration of a containerd that reads no such file."""
    for cache in caches:
        path = f"{settings.config_path}/{cache.name}/hosts.toml"
        yield Edit(path, "mirror", partial(edit_hosts_toml, cache=cache, path=path))
        if made_name(cache.name) != cache.name:
            yield HidingDirectory(f"{settings.config_path}/{made_name(cache.name)}")
    yield UnlistedMirrors(settings.config_path, tuple(cache.name for cache in caches))
    expected = expected_config(settings, settings_of(host, Registry))
    old = partial(edit_old_config, caches=caches, path=expected.target)
    told = version_printed(settings.release)
    yield Edit(expected.target, "mirrors", old, asks="containerd --version 2>/dev/null", assumes=told)
    yield containerd_service(expected, settings.settle_s)


def caches_of(host: Host, mirrors: Mapping[str, Mirror], certs: str, ca: str = "") -> list[CacheHost]:
    """Return where a runtime finds each registry.

    Args:
        certs: the directory in which the runtime has this registry's CA; empty where ``ca`` says it, or it needs none
    """
    registry = settings_of(host, Registry)
    trusted = f"{certs}/{registry.host_port}/ca.crt" if certs and ca_pem(host) else ca
    return [
        CacheHost(name, cache_url(registry, name, one), server_url(name) if one.fallback else "", trusted, one.replace)
        for name, one in mirrors.items()
    ]
