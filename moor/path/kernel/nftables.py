"""The output of ``nft -j list ruleset``, parsed into chains."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from moor.formats.nesting import parse_json
from moor.path.kernel.packet import (
    BaseChain,
    Condition,
    KernelRule,
    Packet,
    Ruleset,
    Truth,
    both,
    is_interface,
    negated,
)
from moor.path.names import PORTS, PROTOCOLS
from moor.path.space import BEGINS, Address, Ranges, range_of

NUMBERS = {**PROTOCOLS, **PORTS}
VERSIONS = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
IGNORED = ("counter", "log", "comment", "mangle", "notrack", "set", "map", "flow", "ct helper", "masquerade", "snat")
VERDICTS = ("accept", "drop", "return", "jump", "goto", "reject", "queue", "continue")
TABLE, CHAIN = re.compile(r"table (\S+) (\S+) \{"), re.compile(r"\s+chain (\S+) \{")
HANDLE = re.compile(r"\s*(.*?) # handle (\d+)$")
COUNTERS = re.compile(r"\bcounter packets \d+ bytes \d+ ?")
Key = tuple[str, str, str]  # family, table, name


class Listing:
    """A ruleset of nft.

    Args:
        printed: what ``nft -j list ruleset`` printed
        text: what ``nft -a list ruleset`` printed, for the wording of rules
        foreign: family and name of tables that are another program's, and read by it
    """

    def __init__(self, printed: str, text: str = "", foreign: Sequence[tuple[str, str]] = ()) -> None:
        entries = parse_json(printed)["nftables"] if printed.strip() else []
        kept = [
            (kind, value)
            for entry in entries
            for kind, value in entry.items()
            if kind in ("chain", "rule", "set", "map")
        ]
        kept = [(k, v) for k, v in kept if v["family"] in VERSIONS and (v["family"], v["table"]) not in foreign]
        self.sets = {_key(value): value.get("elem", []) for kind, value in kept if kind in ("set", "map")}
        self.wording = dict(_wording(text))
        self.chains = [value for kind, value in kept if kind == "chain"]
        self.rules = [value for kind, value in kept if kind == "rule"]

    def ruleset(self) -> Ruleset:
        """Return all chains."""
        rules: dict[Key, list[KernelRule]] = {}
        for rule in self.rules:
            rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).extend(self._parsed(rule))
        bases = tuple(
            BaseChain(
                f"{one['family']} {one['table']} {one['name']}", one["hook"], int(one["prio"]),
                one.get("policy", "accept"), tuple(rules.get(_key(one), ())), VERSIONS[one["family"]],
            )
            for one in self.chains if "hook" in one
        )  # fmt: skip
        return Ruleset(bases, {" ".join(key): tuple(some) for key, some in rules.items()})

    def _parsed(self, rule: Mapping[str, Any]) -> Iterator[KernelRule]:
        """Yield the rule; a verdict map becomes a rule for each of its elements."""
        place = (rule["family"], rule["table"])
        text = self.wording.get((*place, str(rule["handle"])), "") or json.dumps(rule["expr"])
        made = KernelRule((), "", f"{' '.join(place)} {rule['chain']}: {text}")
        for statement in rule["expr"]:
            kind, value = _only(statement)
            if kind == "match":
                made = replace(made, conditions=(*made.conditions, self._condition(value, place)))
            elif kind in VERDICTS:
                made = _with_verdict(made, kind, value, place)
            elif kind == "vmap":
                yield from self._by_map(made, value, place)
                return
            elif kind in ("dnat", "redirect"):
                made = _with_destination(made, value if isinstance(value, dict) else {})
            elif kind not in IGNORED:  # such as limit, or what iptables writes
                made = replace(made, conditions=(*made.conditions, lambda _: None))
        yield made

    def _by_map(self, made: KernelRule, vmap: Mapping[str, Any], place: tuple[str, str]) -> Iterator[KernelRule]:
        data = vmap["data"]
        elements = self.sets.get((*place, data[1:]), []) if isinstance(data, str) else data.get("set", [])
        for key, verdict in elements:
            condition = self._condition({"op": "==", "left": vmap["key"], "right": key}, place)
            kind, value = _only(verdict)
            yield _with_verdict(replace(made, conditions=(*made.conditions, condition)), kind, value, place)

    def _condition(self, match: Mapping[str, Any], place: tuple[str, str]) -> Condition:
        left, right, operator = match["left"], match["right"], match["op"]

        def holds(packet: Packet) -> Truth:
            try:
                truth = self._equals(left, right, packet, place)
            except (ValueError, LookupError, TypeError, AttributeError):
                return None  # of a form that is not known here
            if operator in ("==", "in"):
                return truth
            return negated(truth) if operator == "!=" else _compared(operator, _value(left, packet), right)

        return holds

    def _equals(self, left: Any, right: Any, packet: Packet, place: tuple[str, str]) -> Truth:
        if isinstance(left, dict) and "concat" in left:
            return self._concatenated(left["concat"], right, packet, place)
        value = _value(left, packet)
        if value is None:
            return None
        return any(_is_one(value, element) for element in self._elements(right, place))

    def _concatenated(self, parts: Sequence[Any], right: Any, packet: Packet, place: tuple[str, str]) -> Truth:
        for element in self._elements(right, place):
            each = element["concat"] if isinstance(element, dict) and "concat" in element else [element]
            truth = both(self._equals(part, one, packet, place) for part, one in zip(parts, each, strict=False))
            if truth is not False:
                return truth
        return False

    def _elements(self, right: Any, place: tuple[str, str]) -> Sequence[Any]:
        if isinstance(right, str) and right.startswith("@"):
            found = self.sets.get((*place, right[1:]), [])
        else:
            found = right["set"] if isinstance(right, dict) and "set" in right else right
        listed = found if isinstance(found, list) else [found]
        return [one["elem"]["val"] if isinstance(one, dict) and "elem" in one else one for one in listed]


def _only(statement: Any) -> tuple[str, Any]:
    """Return the only key of an object with what is below it; older versions of nft print some as a word alone."""
    if not isinstance(statement, dict):
        return str(statement), None
    ((kind, value),) = statement.items()
    return kind, value


def _key(value: Mapping[str, Any]) -> Key:
    return value["family"], value["table"], value["name"]


def _wording(text: str) -> Iterator[tuple[tuple[str, str, str], str]]:
    family = table = ""
    for line in text.splitlines():
        if found := TABLE.match(line):
            family, table = found[1], found[2]
        elif not CHAIN.match(line) and (found := HANDLE.match(line)):
            yield (family, table, found[2]), COUNTERS.sub("", found[1])


def _with_verdict(made: KernelRule, kind: str, value: Any, place: tuple[str, str]) -> KernelRule:
    action = {"reject": "drop", "continue": "", "queue": "queue"}.get(kind, kind)
    to = " ".join((*place, value["target"])) if kind in ("jump", "goto") else ""
    return replace(made, action=action, to=to)


def _with_destination(made: KernelRule, value: Mapping[str, Any]) -> KernelRule:
    """Return a rule that replaces the destination; one that is chosen from a map is not known."""
    address, port = value.get("addr"), value.get("port")
    if isinstance(address, dict) or isinstance(port, dict):
        return replace(made, action="dnat by a map")
    return replace(made, action="dnat", destination=(ip_address(address) if address else None, port))


Value = int | str | Address | frozenset[str]


def _value(left: Any, packet: Packet) -> Value | None:
    """Return what a packet has of a property; None for one that moor does not judge."""
    if not isinstance(left, dict):
        return None
    kind, about = _only(left)
    flow = packet.flow
    if kind == "payload" and isinstance(about, dict):
        return _payload(about, packet)
    if kind == "meta":
        return {
            "iifname": packet.inbound, "oifname": packet.outbound, "iif": packet.inbound, "oif": packet.outbound,
            "nfproto": f"ipv{flow.version}", "protocol": "ip" if flow.version == 4 else "ip6",
            "l4proto": flow.protocol, "mark": 0, "pkttype": "host",
        }.get(about["key"])  # fmt: skip
    if kind == "ct":
        return {"state": "new" if flow.state == BEGINS else "established", "mark": 0,
                "status": "dnat" if packet.original else "none",
                "direction": "original" if flow.state == BEGINS else "reply"}.get(about["key"])  # fmt: skip
    if kind == "fib":
        if about["result"] == "type" and about["flags"] == ["daddr"]:
            return "local" if packet.local else "unicast"
        if about["result"] == "oif" and "saddr" in about["flags"]:
            return packet.inbound or "lo"  # answers leave by the interface that the packet came in by
    return None


def _payload(about: Mapping[str, Any], packet: Packet) -> Value | None:
    flow, protocol, name = packet.flow, about.get("protocol"), about.get("field")
    if protocol in ("ip", "ip6"):
        if (protocol == "ip") != (flow.version == 4):
            return "another family"
        if name in ("protocol", "nexthdr"):
            return flow.protocol
        return {"saddr": flow.source, "daddr": flow.destination}.get(str(name))
    if protocol in ("tcp", "udp", "th", "sctp", "icmp", "icmpv6"):
        if protocol != "th" and PROTOCOLS[protocol] != flow.protocol:
            return "another protocol"
        return {"sport": flow.source_port, "dport": flow.port}.get(str(name))
    return None


def _is_one(value: Value, element: Any) -> bool:
    """Return whether a value is an element of a set: a number, a name, an address, a prefix or a range."""
    if isinstance(value, int):
        return any(low <= value <= high for low, high in _numbers(element))
    if isinstance(value, str):
        return isinstance(element, str) and is_interface(value, [element.replace("\\*", "*")])
    if isinstance(value, frozenset):
        return element in value
    try:
        low, high = _addresses(element, value.version)
    except (ValueError, TypeError, KeyError):
        return False
    return low <= int(value) <= high


def _numbers(element: Any) -> Ranges:
    if isinstance(element, dict) and "range" in element:
        low, high = element["range"]
        return ((_number(low), _number(high)),)
    number = _number(element)
    return ((number, number),)


def _number(word: Any) -> int:
    if isinstance(word, int):
        return word
    return NUMBERS.get(str(word), int(word) if str(word).isdigit() else -1)


def _addresses(element: Any, version: int) -> tuple[int, int]:
    if isinstance(element, str):
        one = ip_address(element)
        ends = int(one), int(one)
    elif "prefix" in element:
        one = ip_address(element["prefix"]["addr"])
        ends = range_of(ip_network((str(one), element["prefix"]["len"]), strict=False))
    else:
        one, last = (ip_address(end) for end in element["range"])
        ends = int(one), int(last)
    if one.version != version:
        raise ValueError("another family")
    return ends


def _compared(operator: str, value: Value | None, right: Any) -> Truth:
    if not isinstance(value, int) or not isinstance(right, int):
        return None
    return {"<": value < right, ">": value > right, "<=": value <= right, ">=": value >= right}.get(operator)
