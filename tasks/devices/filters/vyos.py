"""The configuration of VyOS, as ``show configuration commands`` prints it: one chain for all that is forwarded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from itertools import product

from moor.path.device import Chain, ChainRule, Device, Interface, Place, Route
from moor.path.names import port_number, protocol_number
from moor.path.rules import Rule
from moor.path.space import (
    BEGINS,
    EVERY_PORT,
    EVERY_PROTOCOL,
    EVERY_STATE,
    GOES_ON,
    LARGEST,
    TCP,
    UDP,
    Address,
    Box,
    Range,
    Ranges,
    intersection,
    joined,
    range_of,
    subtracted,
    without,
)
from moor.tasks.devices.filters.set_lines import Tree, below, merged, pairs, tree_of, value

FAMILIES = {4: "ipv4", 6: "ipv6"}
ENDS = {"accept": True, "offload": True, "drop": False, "reject": False}
HARMLESS = {"action", "description", "log", "log-options", "jump-target"}
KNOWN = {*HARMLESS, "protocol", "source", "destination", "state", "inbound-interface", "outbound-interface"}
STATES = {"new": (BEGINS, BEGINS), "established": (GOES_ON, GOES_ON), "related": (GOES_ON, GOES_ON)}


def parse_device(configuration: str) -> Device:
    """Return what a configuration says of forwarding."""
    return device_of(tree_of(configuration))


def device_of(tree: Tree) -> Device:
    """Return what a configuration says of forwarding, which was parsed already."""
    interfaces = {one.name: one for one in _interfaces(tree)}
    return Device(interfaces, tuple(_routes(tree)), chains={version: _chain(tree, version) for version in FAMILIES})


def with_list(configuration: str, wanted: str, names: Sequence[str]) -> tuple[Device, list[Place]]:
    """Return a device whose rule sets of some names, and the jumps to them, are others; and the places of the jumps."""
    tree, new = tree_of(configuration), tree_of(wanted)
    places = list[Place]()
    for version, family in FAMILIES.items():
        for name in names:
            below(tree, "firewall", family, "name").pop(name, None)
        rules = below(tree, "firewall", family, "forward", "filter", "rule")
        for number in [number for number, rest in rules.items() if value(rest, "jump-target") in names]:
            del rules[number]
        for _, rest in _in_order(below(new, "firewall", family, "forward", "filter")):
            ways = ((way, value(rest, f"{way}bound-interface", "name")) for way in ("in", "out"))
            places += [(interface, way, version) for way, interface in ways if interface]
    return device_of(merged(tree, new)), places


def _interfaces(tree: Tree) -> Iterator[Interface]:
    shared = _shared(tree)
    for kind in below(tree, "interfaces").values():
        for name, settings in kind.items():
            if "disable" in settings:
                continue
            parts = {name: settings, **{f"{name}.{number}": vif for number, vif in below(settings, "vif").items()}}
            for each, rest in parts.items():
                yield Interface(each, tuple(_addresses(rest)), tuple(shared.get(each, ())), value(rest, "vrf"))


def _addresses(settings: Tree) -> Iterator[IPv4Interface | IPv6Interface]:
    for word in below(settings, "address"):
        with suppress(ValueError):  # such as dhcp
            yield ip_interface(word)


def _shared(tree: Tree) -> dict[str, list[Address]]:
    found: dict[str, list[Address]] = {}
    for group in below(tree, "high-availability", "vrrp", "group").values():
        for word in below(group, "address"):
            with suppress(ValueError):
                found.setdefault(value(group, "interface"), []).append(ip_address(word.partition("/")[0]))
    return found


def _routes(tree: Tree) -> Iterator[Route]:
    for key in ("route", "route6"):
        for word, rest in below(tree, "protocols", "static", key).items():
            with suppress(ValueError):
                network = ip_network(word, strict=False)
                yield from (Route(network, ip_address(hop)) for hop in below(rest, "next-hop"))
                yield from (Route(network, None, name) for name in below(rest, "interface"))


def _chain(tree: Tree, version: int) -> Chain:
    """Return the forward chain of one family, with the rule sets that it jumps to in their places."""
    firewall = below(tree, "firewall")
    forward = below(firewall, FAMILIES[version], "forward", "filter")
    first = [ChainRule(Rule(ENDS[action], f"state-policy {state} {action}", _of_state(version, state)))
             for state in ("established", "related")
             if (action := value(firewall, "global-options", "state-policy", state, "action")) in ENDS]  # fmt: skip
    rules = [each for number, settings in _in_order(forward) for each in _expanded(firewall, number, settings, version)]
    return Chain((*first, *rules), value(forward, "default-action") not in ("drop", "reject"))


def _of_state(version: int, state: str) -> tuple[Box, ...]:
    whole: Range = (0, LARGEST[version])
    return ((STATES[state], *EVERY_PROTOCOL, *EVERY_PORT, whole, *EVERY_PORT, whole),)


def _in_order(rules: Tree) -> list[tuple[str, Tree]]:
    numbered = [(number, rest) for number, rest in below(rules, "rule").items() if "disable" not in rest]
    return sorted(numbered, key=lambda each: int(each[0]) if each[0].isdigit() else 0)


def _expanded(firewall: Tree, number: str, settings: Tree, version: int) -> Iterator[ChainRule]:
    matched = _Matched(settings, firewall, version)
    inbound, outbound = (_interface(settings, f"{way}bound-interface") for way in ("in", "out"))
    action = value(settings, "action")
    if action in ENDS:
        rules = [Rule(ENDS[action], f"forward rule {number} {action}", matched.boxes, matched.unsure)]
    elif action == "jump":
        rules = list(_jumped(firewall, value(settings, "jump-target"), matched, version))
    elif action == "continue":
        rules = []
    else:
        rules = [Rule(True, f"forward rule {number} {action}", matched.boxes, unsure=True)]
    yield from (ChainRule(rule, inbound, outbound) for rule in rules if rule.boxes)


def _interface(settings: Tree, key: str) -> str:
    if group := value(settings, key, "group"):
        return f"group {group}"
    return value(settings, key, "name")


def _jumped(firewall: Tree, name: str, jump: _Matched, version: int) -> Iterator[Rule]:
    """Yield the rules of a rule set for the packets that jump to it; ``return`` leaves the set."""
    rest = list(jump.boxes)
    unsure = jump.unsure
    there = below(firewall, FAMILIES[version], "name", name)
    for number, settings in _in_order(there):
        matched, action = _Matched(settings, firewall, version), value(settings, "action")
        inside = tuple(both for one in rest for other in matched.boxes if (both := intersection(one, other)))
        if action == "return" and not matched.unsure:
            rest = [left for one in rest for left in subtracted([one], matched.boxes)]
        elif action in ENDS:
            yield Rule(ENDS[action], f"{name} rule {number} {action}", inside, unsure or matched.unsure)
        elif action != "continue":
            yield Rule(True, f"{name} rule {number} {action}", inside, unsure=True)
    if (default := value(there, "default-action") or "drop") in ENDS:
        yield Rule(ENDS[default], f"{name} default-action {default}", tuple(rest), unsure)


class _Matched:
    """The packets that a rule matches; ``unsure`` if one of its conditions is not judged here."""

    def __init__(self, settings: Tree, firewall: Tree, version: int) -> None:
        self.settings, self.groups, self.version = settings, below(firewall, "group"), version
        self.unsure = not settings.keys() <= KNOWN or "group" in value(settings, "inbound-interface")
        parts = (self._states(), self._protocols(), self._ports("destination"), self._places("destination"))
        self.boxes: tuple[Box, ...] = tuple(product(*parts, self._ports("source"), self._places("source")))

    def _states(self) -> Ranges:
        words = below(self.settings, "state")
        enabled = [word for word, rest in pairs(words) if word in STATES and rest != "disable"]
        return tuple(joined([STATES[word] for word in enabled])) if words else EVERY_STATE

    def _protocols(self) -> Ranges:
        word = value(self.settings, "protocol")
        if word in ("", "all"):
            return EVERY_PROTOCOL
        if word == "tcp_udp":
            return (TCP, TCP), (UDP, UDP)
        try:
            number = protocol_number("icmpv6" if word == "icmpv6" else word)
        except ValueError:
            self.unsure = True
            return EVERY_PROTOCOL
        return ((number, number),)

    def _ports(self, side: str) -> Ranges:
        words = value(self.settings, side, "port")
        group = value(self.settings, side, "group", "port-group")
        listed = [*words.split(","), *below(self.groups, "port-group", group, "port")] if group else words.split(",")
        return self._ranges([word for word in listed if word], _port_range, EVERY_PORT)

    def _places(self, side: str) -> Ranges:
        settings = below(self.settings, side)
        self.unsure |= not settings.keys() <= {"address", "port", "group"}
        groups = below(settings, "group")
        self.unsure |= not groups.keys() <= {"port-group", "address-group", "network-group"}
        words = [value(settings, "address")] if "address" in settings else []
        for kind, key in (("address-group", "address"), ("network-group", "network")):
            kind_in_family = kind if self.version == 4 else f"ipv6-{kind}"
            for name in below(groups, kind):
                members = below(self.groups, kind_in_family, name.removeprefix("!"), key)
                words += [f"!{word}" if name.startswith("!") else word for word in members]
                self.unsure |= not members
        return self._ranges(words, _address_range, ((0, LARGEST[self.version]),))

    def _ranges(self, words: list[str], parse: Callable[[str], Range], every: Ranges) -> Ranges:
        """Return what words name; those with ``!`` name what is left of everything."""
        try:
            inside = [parse(word) for word in words if not word.startswith("!")]
            outside = [parse(word[1:]) for word in words if word.startswith("!")]
        except ValueError:
            self.unsure = True
            return every
        if outside:
            self.unsure |= bool(inside)
            return tuple(without(every[0], list(joined(outside))))
        return tuple(joined(inside)) if inside else every


def _port_range(word: str) -> Range:
    low, _, high = word.partition("-") if re.match(r"\d", word) else (word, "", "")
    return port_number(low), port_number(high or low)


def _address_range(word: str) -> Range:
    low, dash, high = word.partition("-")
    if dash:
        return int(ip_address(low)), int(ip_address(high))
    return range_of(ip_network(word, strict=False))
