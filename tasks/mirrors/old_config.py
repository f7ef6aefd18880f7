"""Mirrors in containerd's own configuration, for a containerd that looks up no registries in a directory; pure."""

from __future__ import annotations

from collections.abc import Sequence

from moor.errors import HostError
from moor.formats.toml import Document, merge, parse_toml, rewrite
from moor.tasks.containerd.config import DIRECTORY_LOOKUP, PLUGIN, release_of
from moor.tasks.mirrors.hosts_toml import CacheHost, not_ours


def edit_old_config(content: str, version_output: str, caches: Sequence[CacheHost], path: str) -> str:
    """Return containerd's configuration with a mirror for each registry; unchanged for a newer containerd.

    containerd 1.4 asks a mirror at the path of its address, and always asks the registry itself after the mirrors.

    Raises:
        HostError: a fallback is not wanted, or the file has another mirror.

    References:
        containerd/cri release/1.4, pkg/server/image_pull.go: registryEndpoints
    """
    if release_of(version_output) >= DIRECTORY_LOOKUP:
        return content
    for cache in caches:
        if not cache.server:
            raise HostError(
                f"containerd 1.4 asks {cache.name} itself where its mirror does not answer, which nothing prevents; "
                f"upgrade containerd, or write data.mirrors.{cache.name}.fallback: true for this host"
            )
    try:
        tree = parse_toml(content)
        for cache in caches:
            _refuse_other(tree, cache, path)
        return rewrite(content, lambda before: merge(before, _mirrors(caches)))
    except (ValueError, TypeError, AttributeError) as error:
        raise HostError(f"{path}: {error}; mend it, or move it away to have containerd's defaults") from None


def _mirrors(caches: Sequence[CacheHost]) -> Document:
    mirrors = {cache.name: {"endpoint": [cache.url]} for cache in caches}
    return {"plugins": {PLUGIN[2]: {"registry": {"mirrors": mirrors}}}} if mirrors else {}


def _refuse_other(tree: Document, cache: CacheHost, path: str) -> None:
    """Raise HostError if somebody else names a mirror; that of old defaults, the registry itself, is none."""
    registry = tree.get("plugins", {}).get(PLUGIN[2], {}).get("registry", {})
    found = registry.get("mirrors", {}).get(cache.name, {}).get("endpoint", [])
    others = [str(one) for one in found if one not in (cache.url, cache.server)]
    if others and not cache.replace:
        raise HostError(f"{path}: {not_ours(cache.name, ', '.join(others))}")
