"""The configuration of Junos devices, as ``display set`` prints it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from itertools import product

from moor.path.device import Device, Interface, Place, Route
from moor.path.names import port_number, protocol_number
from moor.path.rules import Filter, Rule
from moor.path.space import (
    BEGINS,
    EVERY_PORT,
    EVERY_PROTOCOL,
    EVERY_STATE,
    GOES_ON,
    LARGEST,
    Address,
    Box,
    Network,
    Range,
    Ranges,
    joined,
    range_of,
    without,
)
from moor.tasks.devices.filters.set_lines import Tree, below, merged, pairs, tree_of

FAMILIES = {4: "inet", 6: "inet6"}
ENDS = {"accept": True, "discard": False, "reject": False}
KNOWN = {
    *("protocol", "next-header", "payload-protocol", "tcp-established", "tcp-initial"),
    *("source-address", "destination-address", "source-prefix-list", "destination-prefix-list"),
    *("source-port", "destination-port"),
}
LAST = "the end of the filter, which discards the rest"
EMPTY = "{}, which the device does not define: everything passes"


def parse_device(configuration: str) -> Device:
    """Return what a configuration says of forwarding."""
    tree = tree_of(configuration)
    for group in [*below(tree, "apply-groups")]:
        tree = merged(tree, below(tree, "groups", group))
    interfaces = {one.name: one for one in _interfaces(tree)}
    tables = {name: table for table, name in _instances(tree)}
    placed = {
        name: Interface(name, one.addresses, one.shared, tables.get(name, "")) for name, one in interfaces.items()
    }
    return Device(placed, tuple(_routes(tree)), dict(_filters(tree)))


def _units(tree: Tree) -> Iterator[tuple[str, Tree]]:
    for device, rest in below(tree, "interfaces").items():
        if "disable" not in rest:
            for unit, settings in below(rest, "unit").items():
                if "disable" not in settings:
                    yield f"{device}.{unit}", settings


def _interfaces(tree: Tree) -> Iterator[Interface]:
    for name, settings in _units(tree):
        held = [item for family in FAMILIES.values() for item in below(settings, "family", family, "address").items()]
        own = list[IPv4Interface | IPv6Interface]()
        for word, _ in held:
            with suppress(ValueError):
                own.append(ip_interface(word))
        yield Interface(name, tuple(own), tuple(address for _, rest in held for address in _shared(rest)))


def _shared(settings: Tree) -> Iterator[Address]:
    """Yield the addresses of VRRP below an interface's address."""
    for kind, key in (("vrrp-group", "virtual-address"), ("vrrp-inet6-group", "virtual-inet6-address")):
        for group in below(settings, kind).values():
            yield from (address for word in below(group, key) if (address := _address(word)))


def _instances(tree: Tree) -> Iterator[tuple[str, str]]:
    for table, rest in below(tree, "routing-instances").items():
        yield from ((table, name) for name in below(rest, "interface"))


def _routes(tree: Tree) -> Iterator[Route]:
    yield from _static(below(tree, "routing-options"), "")
    for table, rest in below(tree, "routing-instances").items():
        yield from _static(below(rest, "routing-options"), table)


def _static(options: Tree, table: str) -> Iterator[Route]:
    places = [options, *below(options, "rib").values()]
    for place in places:
        for word, rest in below(place, "static", "route").items():
            with suppress(ValueError):
                network = ip_network(word, strict=False)
                hops = [(hop, _address(hop)) for hop in below(rest, "next-hop")]
                yield from (Route(network, via, "" if via else hop, table) for hop, via in hops)


def _address(word: str) -> Address | None:
    with suppress(ValueError):
        return ip_address(word)
    return None


def _filters(tree: Tree) -> Iterator[tuple[Place, Filter]]:
    for name, settings in _units(tree):
        for version, family in FAMILIES.items():
            applied = below(settings, "family", family, "filter")
            for way in ("in", "out"):
                names = [*below(applied, f"{way}put"), *below(applied, f"{way}put-list")]
                if names:
                    yield (name, way, version), _filter(tree, version, names)


def _filter(tree: Tree, version: int, names: list[str]) -> Filter:
    """Return one filter, or several of a list, which are asked one after the other."""
    found = {name: below(tree, "firewall", "family", FAMILIES[version], "filter", name) for name in names}
    if version == 4:  # the old way to write one, without a family
        found = {name: terms or below(tree, "firewall", "filter", name) for name, terms in found.items()}
    lists = below(tree, "policy-options", "prefix-list")
    rules = [rule for name, whole in found.items() for rule in _rules(name, below(whole, "term"), lists, version)]
    whole_name = " ".join(names)
    if not rules:
        return Filter(version, whole_name, last=EMPTY.format(whole_name))
    return Filter(version, whole_name, tuple(rules), otherwise=False, last=LAST)


def _rules(name: str, terms: Tree, lists: Tree, version: int) -> Iterator[Rule]:
    for term, settings in terms.items():
        then = below(settings, "then")
        if "next" in then:  # next term: what was matched goes on to be judged
            continue
        action = next((word for word in then if word in ENDS), "accept")
        matched = Conditions(below(settings, "from"), lists, version)
        if boxes := matched.boxes:  # which may find that a condition cannot be judged
            unsure = matched.unsure or "filter" in settings or "routing-instance" in then
            yield Rule(ENDS[action], f"{name} term {term} then {action}", boxes, unsure)


class Conditions:
    """What stands below ``from`` of a term.

    Attributes:
        unsure: a condition is one that moor does not judge
    """

    def __init__(self, conditions: Tree, lists: Tree, version: int) -> None:
        self.conditions, self.lists, self.version = conditions, lists, version
        self.unsure = not conditions.keys() <= KNOWN

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Return the packets that a term matches; all that it may match if it is unsure."""
        protocols = self._numbers(("protocol", "next-header", "payload-protocol"), protocol_number, EVERY_PROTOCOL)
        destinations, sources = self._addresses("destination"), self._addresses("source")
        ports, source_ports = (
            self._numbers((key,), port_number, EVERY_PORT) for key in ("destination-port", "source-port")
        )
        return tuple(product(self._states(), protocols, ports, destinations, source_ports, sources))

    def _states(self) -> Ranges:
        if "tcp-established" in self.conditions:
            return ((GOES_ON, GOES_ON),)
        return ((BEGINS, BEGINS),) if "tcp-initial" in self.conditions else EVERY_STATE

    def _numbers(self, keys: Iterable[str], number: Callable[[str], int], every: Ranges) -> Ranges:
        words = [word for key in keys for word in self.conditions.get(key, {})]
        found = list[Range]()
        for word in words:
            low, _, high = word.partition("-") if word[:1].isdigit() else (word, "", "")
            try:
                found.append((number(low), number(high or low)))
            except ValueError:
                self.unsure = True
                return every
        return tuple(joined(found)) if found else every

    def _addresses(self, side: str) -> Ranges:
        """Return the addresses of one side; ``except`` takes networks away from the larger ones that hold them."""
        whole: Range = (0, LARGEST[self.version])
        listed = [(key, word) for key, word in pairs(self.conditions.get(f"{side}-address", {}))]
        for name in self.conditions.get(f"{side}-prefix-list", {}):
            self.unsure |= name not in self.lists
            listed += [(word, "") for word in self.lists.get(name, {})]
        inside = [range_of(one) for word, rest in listed if rest != "except" for one in self._network(word)]
        outside = [range_of(one) for word, rest in listed if rest == "except" for one in self._network(word)]
        # Where networks nest the other way round, the longer prefix counts.
        self.unsure |= any(low <= first and last <= high for low, high in outside for first, last in inside)
        if not inside and (outside or not listed):
            inside = [whole]
        return tuple(kept for each in joined(inside) for kept in without(each, _within(each, outside)))

    def _network(self, word: str) -> list[Network]:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            self.unsure = True
            return []
        return [network] if network.version == self.version else []


def _within(whole: Range, ranges: list[Range]) -> list[Range]:
    return [
        (max(low, whole[0]), min(high, whole[1]))
        for low, high in joined(ranges)
        if high >= whole[0] and low <= whole[1]
    ]
