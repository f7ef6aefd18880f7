"""What mirrors left on hosts for which the inventory does not list them any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from nornir.core.inventory import Host

from moor.errors import HostError
from moor.resources.base import Resource
from moor.resources.leftover import Leftover
from moor.settings import settings_of
from moor.tasks.containerd.rancher import DIRECTORY
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.facts import Registry
from moor.tasks.mirrors.docker import CERTS
from moor.tasks.mirrors.hosts_toml import MARK
from moor.tasks.mirrors.leftovers import UnlistedMirrors
from moor.tasks.mirrors.quiet_edit import QuietEdit
from moor.tasks.mirrors.rancher import HEAD, made_name
from moor.tasks.mirrors.settings import mirrors_of
from moor.tasks.podman.configure import MIRRORS_DROP_IN, crio_service, is_crio_node

NO_DEFAULT_FILE = "config.yaml.d/90-moor-mirrors.yaml"


def leftovers_of(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of every mirror that moor wrote and that is not listed; of all, on a host that leaves.

    A front among Docker's mirrors stays, since nothing in daemon.json says who wrote it.
    """
    listed = () if leaves else tuple(mirrors_of(host) or ())
    settings = settings_of(host, ContainerdSettings)
    found: list[Resource] = [UnlistedMirrors(place, listed) for place in (settings.config_path, CERTS)]
    if not listed:
        found.append(Leftover(MIRRORS_DROP_IN, MARK))
    if is_crio_node(host):
        found.append(crio_service(settings.unit, settings.settle_s))
    if runtime := DIRECTORY.get(settings.runtime):
        found += _of_rancher(settings.runtime, runtime, settings_of(host, Registry).url, listed)
    return found


def _of_rancher(runtime: str, place: str, registry: str, listed: Collection[str]) -> Iterator[Resource]:
    """Yield registries.yaml without the mirrors, and the absence of what k3s or RKE2 made of them."""
    file, made = f"{place}/registries.yaml", f"/var/lib/rancher/{runtime}/agent/etc/containerd/certs.d"
    yield QuietEdit(file, "mirrors", partial(without_mirrors, registry=registry, listed=listed, path=file))
    kept = tuple(f"{made}/{made_name(name)}" for name in listed)
    yield Leftover(f"{made}/*/hosts.toml", HEAD.format(runtime=runtime), f'"{registry}/v2/', kept)
    if not listed:
        yield Leftover(f"{place}/{NO_DEFAULT_FILE}", MARK)


def without_mirrors(content: str, _: str, registry: str, listed: Collection[str], path: str) -> str:
    """Return registries.yaml without mirrors that lead to a cache of the registry; all other lines stay.

    Raises:
        HostError: the file cannot be edited.
    """
    from moor.formats.yaml_text import rewrite  # only these nodes need it

    try:
        return rewrite(content, partial(_unlisted, registry=registry, listed=listed)) if content.strip() else content
    except ValueError as error:
        raise HostError(f"{path}: {error}; mend it, or move it away") from None


def _unlisted(tree: dict[Any, Any], registry: str, listed: Collection[str]) -> dict[Any, Any]:
    mirrors = tree.get("mirrors")
    if not isinstance(mirrors, dict):
        return tree
    kept = {name: entry for name, entry in mirrors.items() if name in listed or not _is_ours(entry, registry)}
    if kept == mirrors:
        return tree
    rest = {key: value for key, value in tree.items() if key != "mirrors"}
    return {**tree, "mirrors": kept} if kept else rest


def _is_ours(entry: object, registry: str) -> bool:
    """Return whether a mirror is as moor writes it: one endpoint, a project of the registry, and nothing else."""
    endpoints = entry.get("endpoint") if isinstance(entry, dict) and len(entry) == 1 else None
    first = str(endpoints[0]) if isinstance(endpoints, list) and len(endpoints) == 1 else ""
    return first.startswith(f"{registry}/v2/")
