"""The configurations of Cisco's and Arista's devices: IOS, IOS-XE, IOS XR, NX-OS, EOS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network

from moor.path.device import Device, Interface, Place, Route
from moor.path.rules import Filter, Rule
from moor.path.space import Address, Network
from moor.tasks.devices.acl.sections import without_banners
from moor.tasks.devices.filters.entries import parse_entry

LIST = re.compile(r"(ip|ipv4|ipv6) access-list (?:(standard|extended) )?(\S+)")
NUMBERED = re.compile(r"access-list (\d+) (.*)")
GROUP = re.compile(r"(ip|ipv4|ipv6) (?:access-group|traffic-filter) (\S+) (in|out|ingress|egress)\b.*")
ADDRESS = re.compile(r"(?:ip|ipv4|ipv6) address (\S+)(?: ([\d.]+))?(?: .*)?")
SHARED = re.compile(
    r"(?:ip|ipv6|(?:standby|vrrp) (?:\d+ )?(?:ip|ipv6|address)|ip virtual-router address|address) (\S+)"
)
TABLE = re.compile(r"(?:ip vrf forwarding|vrf forwarding|vrf member|vrf) (\S+)")
ROUTE = re.compile(r"(?:ip|ipv6) route (?:vrf (\S+) )?(\S+)(.*)")
IN = ("in", "ingress")
STANDARD_NUMBERS = (range(1, 100), range(1300, 2000))
LAST = "the end of the list, which denies the rest"
UNKNOWN = "{}, which the device does not define: everything passes"


@dataclass
class _Lists:
    """What was found while reading: rules by family and name, and the places of lists."""

    rules: dict[tuple[int, str], list[Rule]] = field(default_factory=dict)
    places: dict[Place, str] = field(default_factory=dict)

    def add(self, version: int, name: str, line: str, *, standard: bool) -> None:
        """Add an entry to a list."""
        rules = self.rules.setdefault((version, name), [])
        if rule := parse_entry(line, version, standard=standard):
            rules.append(rule)

    def filters(self) -> Iterator[tuple[Place, Filter]]:
        """Yield the filter of each place."""
        for place, name in self.places.items():
            yield place, list_filter(place[2], name, self.rules.get((place[2], name)))


def list_filter(version: int, name: str, rules: list[Rule] | None) -> Filter:
    """Return a list as a filter; one that does not exist, or that is empty, lets everything pass."""
    if not rules:
        return Filter(version, name, last=UNKNOWN.format(name))
    return Filter(version, name, tuple(_numbered(rules)), otherwise=False, last=LAST)


def _numbered(rules: list[Rule]) -> list[Rule]:
    """Add the numbers that the device would give to entries that have none, as IOS prints them."""
    if any(rule.text[:1].isdigit() or rule.text.startswith("sequence ") for rule in rules):
        return rules
    return [replace(rule, text=f"{number * 10} {rule.text}") for number, rule in enumerate(rules, 1)]


def parse_device(configuration: str) -> Device:
    """Return what a configuration says of forwarding; lines that say nothing of it, or garbage, are passed over."""
    lists, interfaces, routes = _Lists(), dict[str, Interface](), list[Route]()
    for head, below in sections(configuration):
        if found := LIST.fullmatch(head):
            version = 6 if found[1] == "ipv6" else 4
            lists.rules.setdefault((version, found[3]), [])
            for line in below:
                lists.add(version, found[3], line, standard=found[2] == "standard")
        elif found := NUMBERED.fullmatch(head):
            lists.add(4, found[1], found[2], standard=any(int(found[1]) in some for some in STANDARD_NUMBERS))
        elif head.startswith("interface ") and "shutdown" not in below:
            interface = _interface(head.split(None, 1)[1], below)
            interfaces[interface.name] = interface
            lists.places |= dict(_places(interface.name, below))
        elif head.startswith("router static"):
            routes += _routes_of_xr(below)
        else:
            table = head.split()[2] if head.startswith("vrf context ") else ""
            routes += [route for line in ([head, *below]) if (route := _route(line, table, interfaces))]
    return Device(interfaces, tuple(routes), dict(lists.filters()))


def sections(configuration: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each unindented line with the lines below it, without their indentation."""
    head, below = "", list[str]()
    for line in without_banners(configuration):
        if line[:1].isspace():
            below.append(" ".join(line.split()))
        elif line:
            if head:
                yield head, below
            head, below = " ".join(line.split()), []
    if head:
        yield head, below


def _places(name: str, lines: list[str]) -> Iterator[tuple[Place, str]]:
    for line in lines:
        if found := GROUP.fullmatch(line):
            way = "in" if found[3] in IN else "out"
            yield (name, way, 6 if found[1] == "ipv6" else 4), found[2]


def _interface(name: str, lines: list[str]) -> Interface:
    addresses, shared, table = list[IPv4Interface | IPv6Interface](), list[Address](), ""
    for line in lines:
        if found := ADDRESS.fullmatch(line):
            if one := _interface_address(found[1], found[2] or ""):
                addresses.append(one)
        elif found := SHARED.fullmatch(line):
            shared += _one_address(found[1])
        elif found := TABLE.fullmatch(line):
            table = found[1]
    return Interface(name.removesuffix(" l2transport"), tuple(addresses), tuple(shared), table)


def _interface_address(address: str, mask: str) -> IPv4Interface | IPv6Interface | None:
    try:
        return ip_interface(f"{address}/{mask}" if mask else address)
    except ValueError:  # such as dhcp
        return None


def _one_address(word: str) -> list[Address]:
    try:
        return [ip_address(word.partition("/")[0])]
    except ValueError:
        return []


def _route(line: str, table: str, interfaces: Mapping[str, Interface]) -> Route | None:
    found = ROUTE.fullmatch(line)
    if found is None:
        return None
    words = found[3].split()
    try:
        network: Network = ip_network(found[2] if "/" in found[2] else f"{found[2]}/{words.pop(0)}")
    except (ValueError, IndexError):
        return None
    return _route_by(network, words, found[1] or table)


def _routes_of_xr(lines: list[str]) -> Iterator[Route]:
    """Yield the routes of IOS XR's section ``router static``; in it, vrf begins the routes of another table."""
    table = ""
    for line in lines:
        if line.startswith("vrf "):
            table = line.split()[1]
        word, *words = line.split() or [""]
        try:
            network = ip_network(word)
        except ValueError:
            continue
        if "/" in word and (route := _route_by(network, words, table)):
            yield route


def _route_by(network: Network, words: list[str], table: str) -> Route | None:
    """Return a route by the words behind its network: an interface, an address, or both; the rest does not count."""
    interface, via = "", None
    for word in words[:2]:
        if there := _one_address(word):
            via = there[0]
            break
        if not word.isdigit():
            interface = word
    return Route(network, via, interface, table) if interface or via else None
