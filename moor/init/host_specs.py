"""Hosts as an operator types them: NAME, NAME=ADDRESS, USER@ADDRESS:PORT, [IPV6]:PORT, node[1-9]."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from moor.errors import InputError
from moor.init.found import FoundHost
from moor.settings.fleet import NAME

SPEC = re.compile(
    r"(?:(?P<name>[^=@]+)=)?(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^]\[\s]+?))(?::(?P<port>[0-9]+))?"
)
RANGE = re.compile(r"\[[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*\]")
DNS = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
LARGEST_RANGE = 10_000


def split_words(words: Iterable[str]) -> Iterator[str]:
    """Yield the words that commas or spaces part; a comma within brackets parts nothing."""
    for word in words:
        yield from (part for part in re.split(r"[,\s]+(?![^\[]*\])", word) if part)


def hosts_of(word: str) -> list[FoundHost]:
    """Return the hosts that a word names; one of which only an address is typed has no name yet.

    Raises:
        InputError: the word names no host
    """
    return [_host(one) for one in expanded(word)]


def is_address(word: str) -> bool:
    """Return whether a word is an IP address."""
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def is_host(word: str) -> bool:
    """Return whether a word is an IP address or a DNS name."""
    return is_address(word) or (DNS.fullmatch(word) is not None and bool(word.strip("0123456789.")))


def expanded(word: str) -> list[str]:
    """Return the words that one with ranges stands for; the ranges of NAME=ADDRESS go together."""
    if not RANGE.search(word):
        return [word]
    from ClusterShell.NodeSet import NodeSet, NodeSetException

    name, equals, address = word.partition("=")
    try:
        parts = [list(NodeSet(part)) for part in ([name, address] if equals else [name])]
    except NodeSetException as error:
        raise InputError(f"not a range of hosts: {error}") from None
    if max(map(len, parts)) > LARGEST_RANGE:
        raise InputError(f"more than {LARGEST_RANGE} hosts")
    if equals and len(parts[0]) != len(parts[1]):
        raise InputError(f"{len(parts[0])} names, but {len(parts[1])} addresses")
    return ["=".join(one) for one in zip(*parts, strict=True)]


def _host(word: str) -> FoundHost:
    if is_address(word):  # an IPv6 one would be read as a name and a port
        return FoundHost("", word)
    found = SPEC.fullmatch(word)
    host = (found["six"] or found["host"]) if found else ""
    if not found or not (is_address(host) if found["six"] else is_address(host) or DNS.fullmatch(host)):
        raise InputError("not a host; write NAME, NAME=ADDRESS, USER@ADDRESS:PORT or [IPV6]:PORT")
    if not host.strip("0123456789.") and not is_address(host):
        raise InputError(f"{host} is not an address; it has four numbers up to 255")
    port = int(found["port"] or 0)
    if found["port"] and not 1 <= port <= 65535:
        raise InputError(f"{port} is not a port")
    name = found["name"] or ("" if is_address(host) else host.rstrip("."))
    if name and not NAME.fullmatch(name):
        raise InputError(f"{name} is not a name; letters, digits, hyphens, dots and underscores are")
    return FoundHost(name, "" if host == name else host, port, found["user"] or "")
