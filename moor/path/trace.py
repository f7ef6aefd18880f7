"""The way of a packet, hop by hop: what each host and device on it does with the packet."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from moor.path.device import Device, NextHop, Place
from moor.path.host import Host, HostRoute
from moor.path.kernel.packet import Packet, Ruleset
from moor.path.kernel.walk import NO_RULE, arriving, leaving
from moor.path.passage import FleetFlow, passages
from moor.path.rules import Decision, Filter
from moor.path.space import Address, Flow

MOST_HOPS = 16
UNREAD = Decision(True, "its firewall was not read", ("what its firewall says",))
DISCARDS = ("null", "discard", "reject", "blackhole")


@dataclass(frozen=True)
class Step:
    """One place on the way: a host or device, where on it, and what it does with the packet.

    Attributes:
        decision: what happens to it there
    """

    who: str
    where: str
    decision: Decision


@dataclass(frozen=True)
class Network:
    """Everything that is known of the way.

    Attributes:
        hosts: by name
        devices: by name
        places: of each device, the places of moor's list, where packets pass of which no route says where they go
    """

    hosts: Mapping[str, Host] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    places: Mapping[str, Sequence[Place]] = field(default_factory=dict)

    def planned(self, devices: Mapping[str, Device]) -> Network:
        """Return the network after the plan."""
        hosts = {name: replace(host, rules=host.planned) for name, host in self.hosts.items()}
        return replace(self, devices={**self.devices, **devices}, hosts=hosts)

    @cached_property
    def _owners(self) -> dict[Address, str]:
        """Return the host of each address; loopback's is everybody's and nobody's."""
        every = ((one, name) for name, host in self.hosts.items() for one in host.addresses if not one.is_loopback)
        return dict(every)

    def host_with(self, address: Address) -> str:
        """Return the host that has an address; empty if none has."""
        return self._owners.get(address, "")

    def device_with(self, address: Address) -> str:
        """Return the device that has an address; empty if none has."""
        return next((name for name, device in self.devices.items() if device.interface_of(address)), "")


@dataclass(frozen=True)
class Way:
    """The way of one packet.

    Attributes:
        gap: why the way is not known whole; empty if it is
    """

    flow: Flow
    steps: tuple[Step, ...]
    gap: str = ""

    @property
    def verdict(self) -> str:
        """Return ``open``, ``shut`` or ``unsure``."""
        verdicts = [step.decision.verdict for step in self.steps]
        if "shut" in verdicts:
            return "shut"
        return "unsure" if self.gap or "unsure" in verdicts else "open"


class _Tracer:
    """The steps of one packet, as they are found."""

    def __init__(self, network: Network, flow: Flow) -> None:
        self.network, self.flow = network, flow
        self.gap = ""

    def steps(self, start: str) -> Iterator[Step]:
        """Yield the steps from a host on; they end where the packet is shut out or arrives."""
        route = self.network.hosts[start].routes.get(self.flow.destination)
        if route is None:
            yield Step(start, "sends", Decision(False, f"it has no route to {self.flow.destination}"))
            return
        yield from self._sends(start, route)
        place = route.via or self.flow.destination
        for _ in range(MOST_HOPS):
            if name := self.network.host_with(place):
                yield from self._arrives(name, place)
                return
            if not (name := self.network.device_with(place)):
                yield from self._lost(place)
                return
            hop = yield from self._passes(name, self.network.devices[name].interface_of(place))
            if hop is None:
                return
            place = hop.via or self.flow.destination
        self.gap = f"it does not arrive within {MOST_HOPS} hops: the routes of the devices lead in a circle"

    def _sends(self, name: str, route: HostRoute) -> Iterator[Step]:
        packet = Packet(self.flow, outbound=route.interface)
        to = f"to {route.via}" if route.via else f"straight to {self.flow.destination}"
        yield from _judged(name, f"out {route.interface} {to}", self.network.hosts[name].rules, packet, arrives=False)

    def _arrives(self, name: str, place: Address) -> Iterator[Step]:
        host = self.network.hosts[name]
        if place != self.flow.destination:
            self.gap = f"{name} would have to send it on, and hosts that route are not judged"
            return
        packet = Packet(self.flow, inbound=host.addresses[place], local=True)
        yield from _judged(name, f"in {host.addresses[place]}", host.rules, packet, arrives=True)

    def _passes(self, name: str, inbound: str) -> Generator[Step, None, NextHop | None]:
        """Yield a device's filters, and return its next hop; None if the way ends there."""
        device = self.network.devices[name]
        hop = device.next_hop(self.flow.destination, device.interfaces[inbound].table)
        outbound = hop.interface if hop else ""
        for where, one in device.filters_between(inbound, outbound, self.flow.version):
            yield Step(name, where, _decided(one, self.flow))
        if hop is None:
            self.gap = f"{name} has no static route to {self.flow.destination}, so that moor does not know what follows"
            return None
        if outbound.lower().startswith(DISCARDS):
            yield Step(name, "sends", Decision(False, f"its route to {self.flow.destination} discards"))
            return None
        return hop

    def _lost(self, place: Address) -> Iterator[Step]:
        """Yield what may follow behind an address that nobody has: devices with a list of moor's, and the end."""
        if place == self.flow.destination:
            return  # a registry that is no host of the inventory
        self.gap = f"{place} is no host and no device of the inventory"
        for name, device in self.network.devices.items():
            guess = FleetFlow("", "", self.flow)
            for between in passages(device, guess, self.network.places.get(name, ())):
                for where, one in device.filters_between(*between):
                    yield Step(name, f"{where}, if it goes that way", _perhaps(_decided(one, self.flow)))
        if name := self.network.host_with(self.flow.destination):
            yield from self._arrives(name, self.flow.destination)


def _perhaps(decision: Decision) -> Decision:
    """Return a decision that counts only if the packet comes that way."""
    return decision if decision.permits else replace(decision, unsure=(*decision.unsure, "another way"))


def _decided(one: Filter, flow: Flow) -> Decision:
    decision = one.decide(flow)
    return replace(decision, rule=f"{one.name}: {decision.rule}") if one.name and one.rules else decision


def _judged(name: str, where: str, rules: Ruleset | None, packet: Packet, *, arrives: bool) -> Iterator[Step]:
    """Yield a step for each hook of a host's firewall that says something; one for all if none does."""
    if rules is None:
        yield Step(name, where, UNREAD)
        return
    decisions = list(arriving(rules, packet) if arrives else leaving(rules, packet))
    told = [one for one in decisions if one[1].rule != NO_RULE or one[1].unsure or not one[1].permits]
    for hook, decision in told:
        yield Step(name, f"{where}, {hook}", decision)
    if not told:
        yield Step(name, where, decisions[-1][1])


def trace(network: Network, start: str, flow: Flow) -> Way:
    """Return the way of a packet from a host."""
    tracer = _Tracer(network, flow)
    steps = list[Step]()
    for step in tracer.steps(start):
        steps.append(step)
        if step.decision.verdict == "shut":
            return Way(flow, tuple(steps))
    return Way(flow, tuple(steps), tracer.gap)
