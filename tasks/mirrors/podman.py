"""Mirrors of podman and CRI-O: a file of moor's own in registries.conf.d."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.requirement import Requirement
from moor.tasks.mirrors.hosts_toml import CacheHost, not_ours
from moor.tasks.podman.configure import MIRRORS_DROP_IN
from moor.tasks.podman.registries_conf import READ_REGISTRIES, entries_in_effect, parse_files
from moor.templates import render

HEAD = "# Written by moor from data.mirrors."


def resources(caches: Sequence[CacheHost]) -> Iterator[Resource]:
    """Yield that no other file says where the registries' images come from, and moor's own file."""
    yield Requirement("registries-conf-mirrors", READ_REGISTRIES, partial(judge_others, caches=caches))
    yield Edit(MIRRORS_DROP_IN, "mirrors", partial(render_mirrors_conf, caches=caches))


def render_mirrors_conf(content: str, _: str, caches: Sequence[CacheHost]) -> str:
    """Return the content of ``MIRRORS_DROP_IN``; an absent file stays absent where no registry is mirrored.

    Without a fallback the registry's images are looked for in the cache alone; with one the cache is a mirror, which
    is asked first.

    References:
        containers-registries.conf(5): an entry's location takes the place of its prefix
    """
    if not caches and not content:
        return ""
    return render("mirrors.conf.j2", head=HEAD, caches=[(cache, location_of(cache)) for cache in caches])


def location_of(cache: CacheHost) -> str:
    """Return a cache as a location in registries.conf: HOST/PROJECT."""
    return cache.url.removeprefix("https://").replace("/v2/", "/", 1)


def judge_others(output: str, caches: Sequence[CacheHost]) -> str:
    """Return the entries of other files for a registry that is mirrored; empty if there are none."""
    files = parse_files(output, "file")
    files.pop(MIRRORS_DROP_IN, None)
    known, found = entries_in_effect(files), []
    for cache in caches:
        path, entry = known.get(cache.name, ("", {}))
        last = path.rpartition("/")[2] > MIRRORS_DROP_IN.rpartition("/")[2] and ".d/" in path
        if entry and (last or not cache.replace):
            mirrors = entry.get("mirror") if isinstance(entry.get("mirror"), list) else []
            places = [str(one.get("location")) for one in mirrors or () if isinstance(one, dict)]
            where = ", ".join([*places, str(entry.get("location") or cache.name)])
            found.append(f"{path}: {not_ours(cache.name, where)}")
    return "\n".join(found)
