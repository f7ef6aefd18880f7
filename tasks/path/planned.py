"""A host's firewall once moor's plan is made: the rules of others, and those that the inventory asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nornir.core.inventory import Host

from moor.path.kernel.packet import BaseChain, Condition, KernelRule, Ruleset, within
from moor.path.space import BEGINS, TCP, range_of
from moor.settings import optional_settings_of
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.nftables import TABLE
from moor.tasks.firewall.hosts import guards_of
from moor.tasks.firewall.settings import Firewall

CHAIN = "MOOR"  # of iptables
PRIORITY = -110
MANAGED = ("inet firewalld ", "ufw-")  # firewalls among whose own rules moor's stand, in front of all others


def planned_rules(host: Host, rules: Ruleset) -> Ruleset:
    """Return the firewall of a host after the plan; the present one where the inventory has none for it."""
    settings = optional_settings_of(host, Firewall)
    if settings is None:
        return rules
    guards = guards_of(host, settings)
    base = BaseChain("moor", "prerouting", PRIORITY, "accept", tuple(_guarded(guards)))
    names = [*rules.chains, *(one.name for one in rules.bases)]
    if guards.ports and any(name.startswith(MANAGED[0]) or f" {MANAGED[1]}" in name for name in names):
        return Ruleset((base,))
    others = [_without_moor(one) for one in rules.bases if not one.name.startswith(f"{TABLE} ")]
    return Ruleset((*others, base), rules.chains)


def _without_moor(base: BaseChain) -> BaseChain:
    return replace(base, rules=tuple(rule for rule in base.rules if not rule.to.endswith(f" {CHAIN}")))


def _guarded(guards: Guards) -> Iterator[KernelRule]:
    yield KernelRule((lambda packet: packet.flow.state != BEGINS,), "accept", "established connections")
    for guard in guards.ports:
        at_port = _to_port(guard)
        yield KernelRule((at_port, _from(guard)), "accept", f"data.access admits it to port {guard.port}")
        yield KernelRule((at_port,), "drop", f"data.access does not admit it to port {guard.port}")


def _to_port(guard: Guard) -> Condition:
    return lambda packet: packet.local and packet.flow.protocol == TCP and packet.flow.port == guard.port


def _from(guard: Guard) -> Condition:
    ranges = {version: tuple(map(range_of, guard.of(version))) for version in (4, 6)}
    return lambda packet: within(int(packet.flow.source), ranges[packet.flow.version])
