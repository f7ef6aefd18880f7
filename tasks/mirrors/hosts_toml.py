"""The hosts.toml by which containerd, and a Docker that pulls by containerd, finds a registry's cache; pure.

The cache is a project behind /v2 of this registry, so that the path in the URL takes the place of the API's own
(``override_path``). What is asked last is the file's ``server``; without that key containerd asks the registry itself,
so the cache stands there too unless a fallback is wanted.

Source  containerd, docs/hosts.md and core/remotes/docker/config/hosts.go: parseHostsFile, parseHostConfig
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moor.errors import HostError
from moor.formats.toml import parse_toml
from moor.templates import render

MARK = "# Written by moor from data.mirrors"


@dataclass(frozen=True)
class CacheHost:
    """Where a runtime finds the images of a registry.

    Attributes:
        name: of the registry, as images begin with it
        url: of the cache
        server: of the registry itself, where a fallback is wanted; else empty
        ca: the path of the CA that the cache is trusted by; empty for the system's CAs
        replace: write over a file of somebody else
    """

    name: str
    url: str
    server: str = ""
    ca: str = ""
    replace: bool = False


def render_hosts_toml(cache: CacheHost, head: str = "") -> str:
    """Return the content of a cache's hosts.toml.

    Args:
        head: the first line; without one it says that moor wrote it
    """
    return render("mirror.toml.j2", head=head or f"{MARK}. containerd reads it at every pull.", cache=cache)


def edit_hosts_toml(content: str, _: str, cache: CacheHost, path: str) -> str:
    """Return the content that a hosts.toml should have.

    Raises:
        HostError: the file is somebody else's.
    """
    wanted = render_hosts_toml(cache)
    if content.strip() and not content.startswith(MARK) and content != wanted and not cache.replace:
        raise HostError(f"{path}: {not_ours(cache.name, leads_to(content))}")
    return wanted


def not_ours(name: str, where: str) -> str:
    """Return why moor leaves what somebody else wrote about a registry, and the remedy."""
    return (
        f"somebody else says where images of {name} come from ({where}); move it away, write "
        f"data.mirrors.{name}.replace: true to have moor write over it, or drop {name} from data.mirrors"
    )


def leads_to(content: str) -> str:
    """Return where a hosts.toml leads, for people."""
    places = [place.partition("@")[2] or place for place in (*first_hosts(content), _server(content)) if place]
    return ", ".join(dict.fromkeys(places)) or "nowhere"


def first_hosts(content: str) -> list[str]:
    """Return the URLs that are asked before the server, in order; none of a file that is no TOML."""
    hosts = _tree(content).get("host")
    return list(map(str, hosts)) if isinstance(hosts, dict) else []


def _server(content: str) -> str:
    return str(_tree(content).get("server") or "")


def _tree(content: str) -> dict[str, Any]:
    try:
        return parse_toml(content)
    except ValueError:
        return {}


def leads_to_cache(content: str, cache: CacheHost) -> bool:
    """Return whether a hosts.toml leads to the cache first, by a checked certificate, and beyond it only if wanted.

    k3s and RKE2 make such a file in words of their own. A file of theirs without ``server`` has no fallback.
    """
    tree = _tree(content)
    hosts = first_hosts(content)
    if hosts[:1] != [cache.url]:
        return False
    table, server = tree["host"][cache.url], _server(content)
    if not isinstance(table, dict) or table.get("override_path") is not True or table.get("skip_verify"):
        return False
    named = table.get("ca") or []
    known = [named] if isinstance(named, str) else named
    return (cache.ca in known or not cache.ca) and (bool(cache.server) or server in ("", cache.url))
