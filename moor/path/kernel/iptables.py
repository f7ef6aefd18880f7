"""The output of ``iptables-save`` and ``ip6tables-save``, parsed into chains."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from moor.path.kernel.packet import (
    BaseChain,
    Condition,
    KernelRule,
    Packet,
    Ruleset,
    Truth,
    is_interface,
    negated,
    within,
)
from moor.path.names import PROTOCOLS
from moor.path.space import BEGINS, Address, Ranges, range_of

# Source: ip_tables.h and iptables(8), the priorities of the tables at every hook.
PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
TARGETS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "RETURN": "return", "DNAT": "dnat", "REDIRECT": "dnat"}
NO_VERDICT = ("LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "MASQUERADE", "SNAT", "SET", "CHECKSUM", "NOTRACK")
# Options that choose nothing; the word behind each is its value.
PLAIN = {"-m", "--comment", "--reject-with", "--log-prefix", "--log-level", "--to-source", "--set-xmark", "--set-mark"}


def parse_saved(saved: str, version: int) -> Ruleset:
    """Return the chains of all tables."""
    bases, chains = list[BaseChain](), dict[str, tuple[KernelRule, ...]]()
    for table, lines in _tables(saved):
        policies = {line.split()[0][1:]: line.split()[1] for line in lines if line.startswith(":")}
        rules: dict[str, list[KernelRule]] = {name: [] for name in policies}
        for line in lines:
            if line.startswith("-A "):
                chain = line.split()[1]
                rules.setdefault(chain, []).append(_rule(line, table, version, policies))
        for name, policy in policies.items():
            if policy == "-":
                chains[f"{version} {table} {name}"] = tuple(rules[name])
            else:
                called = f"{'iptables' if version == 4 else 'ip6tables'} {table} {name}"
                base = BaseChain(
                    called, name.lower(), PRIORITIES.get(table, 0), policy.lower(), tuple(rules[name]), (version,)
                )
                bases.append(base)
    return Ruleset(tuple(bases), chains)


def _tables(saved: str) -> Iterator[tuple[str, list[str]]]:
    table, lines = "", list[str]()
    for line in saved.splitlines():
        if line.startswith("*"):
            table, lines = line[1:].strip(), []
        elif line == "COMMIT":
            yield table, lines
        else:
            lines.append(line)


@dataclass
class _Options:
    """The words of a rule, taken one after the other."""

    words: list[str]

    def take(self) -> str:
        return self.words.pop(0) if self.words else ""


def _rule(line: str, table: str, version: int, chains: dict[str, str]) -> KernelRule:
    options = _Options(shlex.split(line)[2:])
    made = KernelRule((), "", f"{'iptables' if version == 4 else 'ip6tables'} -t {table} {line}")
    inverted = False
    while options.words:
        word = options.take()
        if word == "!":
            inverted = True
            continue
        if word in ("-j", "-g"):
            made = _with_target(made, options.take(), f"{version} {table} ", chains, goto=word == "-g")
        elif word in ("--to-destination", "--to-ports"):
            made = _with_destination(made, options.take(), of_port=word == "--to-ports")
        elif word in CONDITIONS:
            condition = CONDITIONS[word](options.take(), version)
            made = replace(made, conditions=(*made.conditions, _inverted(condition) if inverted else condition))
        elif word in PLAIN:
            options.take()
        elif word.startswith("-"):
            made = replace(made, conditions=(*made.conditions, _unjudged))
        inverted = False
    return made


def _unjudged(_: Packet) -> Truth:
    return None


def _inverted(condition: Condition) -> Condition:
    return lambda packet: negated(condition(packet))


def _with_target(made: KernelRule, target: str, prefix: str, chains: dict[str, str], *, goto: bool) -> KernelRule:
    if target in chains:
        return replace(made, action="goto" if goto else "jump", to=f"{prefix}{target}")
    return replace(made, action="" if target in NO_VERDICT else TARGETS.get(target, target))


def _with_destination(made: KernelRule, word: str, *, of_port: bool) -> KernelRule:
    try:
        if of_port:
            return replace(made, destination=(None, int(word.partition("-")[0])))
        return replace(made, destination=_place(word))
    except ValueError:
        return replace(made, action="dnat that is not judged")


def _place(word: str) -> tuple[Address, int | None]:
    """Return a destination such as 172.18.0.2:8443 or [fd00::2]:8443."""
    if word.startswith("["):
        address, _, port = word[1:].partition("]")
        return ip_address(address), int(port[1:]) if port else None
    address, _, port = word.partition(":") if word.count(":") < 2 else (word, "", "")
    return ip_address(address), int(port) if port else None


def _ports(word: str) -> Ranges:
    found = list[tuple[int, int]]()
    for part in word.split(","):
        low, colon, high = part.partition(":")
        found.append((int(low or 0), int(high or 65535) if colon else int(low)))
    return tuple(found)


def _port_condition(side: Callable[[Packet], int]) -> Callable[[str, int], Condition]:
    def made(word: str, _: int) -> Condition:
        try:
            ranges = _ports(word)
        except ValueError:
            return _unjudged
        return lambda packet: within(side(packet), ranges)

    return made


def _address_condition(side: Callable[[Packet], Address]) -> Callable[[str, int], Condition]:
    def made(word: str, _: int) -> Condition:
        try:
            ranges = tuple(range_of(ip_network(part, strict=False)) for part in word.split(","))
        except ValueError:
            return _unjudged
        return lambda packet: within(int(side(packet)), ranges)

    return made


def _protocol(word: str, _: int) -> Condition:
    number = PROTOCOLS.get(word, int(word) if word.isdigit() else -1)
    return (lambda packet: packet.flow.protocol == number) if word != "all" else lambda packet: True


def _state(word: str, _: int) -> Condition:
    def holds(packet: Packet) -> Truth:
        state = "NEW" if packet.flow.state == BEGINS else "ESTABLISHED"
        return state in word.split(",") or (packet.original is not None and "DNAT" in word.split(","))

    return holds


def _type(word: str, _: int) -> Condition:
    if word not in ("LOCAL", "UNICAST", "MULTICAST", "BROADCAST"):
        return _unjudged
    return lambda packet: packet.local == (word == "LOCAL") and word in ("LOCAL", "UNICAST")


def _mark(word: str, _: int) -> Condition:
    """Return whether a packet has a mark: before anything has marked it, it has none."""
    return lambda packet: int(word.partition("/")[0], 0) == 0


CONDITIONS: dict[str, Callable[[str, int], Condition]] = {
    "-s": _address_condition(lambda packet: packet.flow.source),
    "-d": _address_condition(lambda packet: packet.flow.destination),
    "-i": lambda word, _: lambda packet: is_interface(packet.inbound, [word]),
    "-o": lambda word, _: lambda packet: is_interface(packet.outbound, [word]),
    "-p": _protocol,
    **dict.fromkeys(("--dport", "--dports"), _port_condition(lambda packet: packet.flow.port)),
    **dict.fromkeys(("--sport", "--sports"), _port_condition(lambda packet: packet.flow.source_port)),
    "--ctorigdstport": _port_condition(lambda packet: packet.first.port),
    "--ctorigdst": _address_condition(lambda packet: packet.first.destination),
    **dict.fromkeys(("--ctstate", "--state"), _state),
    "--dst-type": _type,
    "--mark": _mark,
}
