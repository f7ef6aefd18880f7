"""One entry of an access list of Cisco's or Arista's devices, parsed into a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import product

from moor.path.names import port_number, protocol_number
from moor.path.rules import Rule
from moor.path.space import (
    EVERY_PORT,
    EVERY_PROTOCOL,
    EVERY_STATE,
    GOES_ON,
    LARGEST,
    PORTS,
    TCP,
    UDP,
    Box,
    Range,
    Ranges,
    range_of,
)

NUMBER = re.compile(r"^(?:sequence )?(\d+) (?=permit|deny|remark|evaluate)")
TRAILING_NUMBER = re.compile(r" sequence (\d+)$")  # where IOS prints the number of an IPv6 entry
HITS = re.compile(r" \(\d+ match(es)?\)$| \[match=\d+\]$")
HARMLESS = ("log", "log-input", "capture")  # they change nothing about what passes
KEPT = 10_000  # entries that stay parsed, since most lines of a list stay in a change
WITH_PORTS = (TCP, UDP, 132, 33)  # SCTP and DCCP have them too


class Words:
    """The words of an entry, taken one after the other.

    Attributes:
        unsure: a word had a meaning that moor does not judge
    """

    def __init__(self, words: list[str]) -> None:
        self._left = words
        self.unsure = False

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def next(self) -> str:
        """Return the next word without taking it; empty at the end."""
        return self._left[0] if self._left else ""

    def take(self) -> str:
        """Return the next word, and take it.

        Raises:
            ValueError: there is none
        """
        if not self._left:
            raise ValueError("the entry ends too early")
        return self._left.pop(0)


@lru_cache(maxsize=KEPT)
def parse_entry(line: str, version: int, *, standard: bool = False) -> Rule | None:
    """Return the rule of an entry; None if it is a remark or not in effect.

    Args:
        line: such as ``10 permit tcp 10.0.0.0 0.255.255.255 host 10.1.0.1 eq 443``
        version: the address family of the list
        standard: the list knows sources alone
    """
    text = HITS.sub("", " ".join(line.split()))
    words = Words(TRAILING_NUMBER.sub("", NUMBER.sub("", text)).split())
    action = words.take() if words else ""
    if action not in ("permit", "deny") or text.endswith(" inactive"):
        return None
    try:
        boxes = _standard(words, version) if standard else _extended(words, version)
    except ValueError:
        whole: Range = (0, LARGEST[version])
        return Rule(action == "permit", text, ((*EVERY_STATE, *EVERY_PROTOCOL, PORTS, whole, PORTS, whole),), True)
    return Rule(action == "permit", text, boxes, words.unsure)


def _standard(words: Words, version: int) -> tuple[Box, ...]:
    source = _addresses(words, version)
    _flags(words)
    return ((*EVERY_STATE, *EVERY_PROTOCOL, PORTS, (0, LARGEST[version]), PORTS, source),)


def _extended(words: Words, version: int) -> tuple[Box, ...]:
    protocols = _protocols(words, version)
    source, source_ports = _addresses(words, version), _ports(words, protocols)
    destination, ports = _addresses(words, version), _ports(words, protocols)
    states = _flags(words)
    parts = product(states, protocols, ports, (destination,), source_ports, (source,))
    return tuple(parts)


def _protocols(words: Words, version: int) -> Ranges:
    word = words.take()
    if word in ("ip", "ipv4", "ipv6") and not (word == "ipv6" and version == 4):
        return EVERY_PROTOCOL
    if word == "icmp" and version == 6:
        word = "icmpv6"
    number = protocol_number(word)
    return ((number, number),)


def _addresses(words: Words, version: int) -> Range:
    """Take a place: ``any``, ``host A``, ``A/24``, ``A WILDCARD``, or a group, which moor does not resolve."""
    word = words.take()
    if word in ("any", "any4", "any6"):
        return 0, LARGEST[version]
    if word == "host":
        return _one(words.take())
    if word in ("object-group", "addrgroup", "net-group"):
        words.take()
        words.unsure = True
        return 0, LARGEST[version]
    if "/" in word:
        return _network(word)
    address = ip_address(word)
    if version == 4 and re.fullmatch(r"[\d.]+\.[\d.]+", words.next):
        return _by_wildcard(int(address), words)
    return int(address), int(address)


@lru_cache(maxsize=KEPT // 10)  # a list names few destinations, each in many lines
def _one(word: str) -> Range:
    number = int(ip_address(word))
    return number, number


@lru_cache(maxsize=KEPT // 10)
def _network(word: str) -> Range:
    return range_of(ip_network(word, strict=False))


def _by_wildcard(address: int, words: Words) -> Range:
    wildcard = int(IPv4Address(words.take()))
    if wildcard & (wildcard + 1):  # its ones are not the last bits, so that the addresses are no range
        words.unsure = True
    return address & ~wildcard, address | wildcard


def _ports(words: Words, protocols: Ranges) -> Ranges:
    if protocols[0][0] not in WITH_PORTS or protocols[0] == EVERY_PROTOCOL[0]:
        return EVERY_PORT
    operator = words.next
    if operator in ("eq", "neq"):
        words.take()
        numbers = sorted(set(_port_list(words)))
        exact = tuple((n, n) for n in numbers)
        return exact if operator == "eq" else _others(exact)
    if operator in ("lt", "gt", "range"):
        words.take()
        first = port_number(words.take())
        if operator == "range":
            return ((first, port_number(words.take())),)
        return ((0, first - 1),) if operator == "lt" else ((first + 1, PORTS[1]),)
    if operator in ("portgroup", "port-group"):
        words.take()
        words.take()
        words.unsure = True
    return EVERY_PORT


def _port_list(words: Words) -> Iterator[int]:
    """Take a port, and those that follow it, of which IOS and EOS allow several."""
    yield port_number(words.take())
    while words:
        try:
            number = port_number(words.next)
        except ValueError:
            return
        words.take()
        yield number


def _others(ranges: Ranges) -> Ranges:
    found, at = list[Range](), PORTS[0]
    for low, high in ranges:
        if at < low:
            found.append((at, low - 1))
        at = high + 1
    return tuple([*found, *([(at, PORTS[1])] if at <= PORTS[1] else [])])


def _flags(words: Words) -> Ranges:
    states = EVERY_STATE
    while words:
        word = words.take()
        if word == "established":
            states = ((GOES_ON, GOES_ON),)
        elif word not in HARMLESS:
            words.unsure = True
            return EVERY_STATE
    return states
