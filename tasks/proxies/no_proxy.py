"""What is reached without the proxy, in the form that each program reads; pure.

Go (containerd, CRI-O, Docker, k3s, kubectl) reads names, suffixes, ports, addresses and networks. curl reads networks
from 7.86 on and no ports, wget suffixes alone; both take what they do not understand for a name that nothing has. apt
has a list of whole names; libzypp takes names, suffixes and addresses.

References:
    golang.org/x/net/http/httpproxy, Config.NoProxy; curl(1), NO_PROXY; apt-transport-http(1)
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from nornir.core.inventory import Host

from moor.settings import optional_settings_of, settings_of
from moor.tasks.access import Access
from moor.tasks.facts import Registry
from moor.tasks.proxies.settings import Proxy, ProxySettings

LOCAL = ("localhost", "127.0.0.1", "::1")


def exclusions_of(host: Host, proxy: Proxy) -> tuple[str, ...]:
    """Return what a host's programs reach without its proxy: the registry, its networks, the cluster, and the rest.

    Where the proxy is the way to the registry (``preflight.through_proxy``), the registry is not among it.
    """
    registry = settings_of(host, Registry)
    through = getattr(host.data.get("preflight"), "through_proxy", False)  # its concern imports this one
    if not isinstance(proxy, ProxySettings):
        return _unique([*LOCAL, *(() if through else registry.names), *proxy.no_proxy])
    access = optional_settings_of(host, Access)
    near = [] if through else [*registry.names, *map(str, registry.every_address)]
    networks = [] if through or access is None else [*map(str, access.members), *map(str, access.managers)]
    return _unique([*LOCAL, *near, *networks, *proxy.ranges, *proxy.no_proxy])


def for_go(words: Iterable[str]) -> str:
    """Return NO_PROXY for programs of Go, which understand every form."""
    return ",".join(words)


def for_environment(words: Iterable[str]) -> str:
    """Return ``no_proxy`` for all kinds of programs: suffixes with a leading dot, and no ports."""
    return ",".join(_unique(map(_plain, words)))


def for_suffixes(words: Iterable[str]) -> str:
    """Return the list for a program that compares ends of names and whole addresses, and knows no network."""
    return ",".join(word for word in _unique(map(_plain, words)) if "/" not in word)


def whole_names(words: Iterable[str]) -> tuple[str, ...]:
    """Return the names and IPv4 addresses among them, for a program that compares whole names."""
    return _unique(word for word in map(_plain, words) if not set("/*:") & set(word) and not word.startswith("."))


def _plain(word: str) -> str:
    """Return a word without a port, and with a dot in place of ``*.``."""
    name, colon, port = word.rpartition(":")
    host = name if colon and port.isdigit() and ":" not in name else word
    return host[1:] if host.startswith("*.") else host


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def lacking(no_proxy: str, places: Iterable[str]) -> list[str]:
    """Return the addresses and networks that NO_PROXY does not leave out as a whole; what is neither is passed over."""
    known = [network for word in no_proxy.split(",") if (network := _network(word))]
    wanted = [(place, network) for place in places if (network := _network(place))]
    return [place for place, network in wanted if not any(_holds(one, network) for one in known)]


def _network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word.strip(), strict=False)
    except ValueError:
        return None


def _holds(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and int(one[0]) <= int(other[0]) and int(other[-1]) <= int(one[-1])
