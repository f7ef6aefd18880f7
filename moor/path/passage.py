"""Flows through one device: which of its filters they meet, and what a change of the filters does to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from moor.path.device import LOCAL, Chain, Device, Place
from moor.path.difference import compare
from moor.path.rules import Decision, Filter
from moor.path.space import BEGINS, Flow
from moor.path.words import describe

OTHER = "(another interface)"


@dataclass(frozen=True)
class FleetFlow:
    """A flow that the fleet needs.

    Attributes:
        who: the host that it comes from, or goes to
        what: what it is for, in words that stand behind the host's name
        assumed: where the device's routes do not say whether it passes a place, it does
        login: it is one of moor's own, by SSH
    """

    who: str
    what: str
    flow: Flow
    assumed: bool = True
    login: bool = False

    @property
    def is_answer(self) -> bool:
        return self.flow.state != BEGINS


@dataclass(frozen=True)
class Met:
    """What a device does with a flow: the decision of the filter that shuts it, else of the last one on the way."""

    where: str
    decision: Decision


@dataclass(frozen=True)
class Effect:
    """What a change does to a device's packets.

    Attributes:
        before: what the fleet's flows meet now
        after: what they meet after the change
        changed: the flows of everybody that it opens and shuts, in words, by place
    """

    before: Mapping[FleetFlow, Met] = field(default_factory=dict)
    after: Mapping[FleetFlow, Met] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    def cut(self) -> Iterator[tuple[FleetFlow, Met]]:
        """Yield the fleet's flows that the change shuts, with what shuts them."""
        for one, met in self.after.items():
            former = self.before.get(one)
            if met.decision.verdict == "shut" and not (former and former.decision.verdict == "shut"):
                yield one, met


def effect_of(before: Device, after: Device, flows: Iterable[FleetFlow], ours: Sequence[Place]) -> Effect:
    """Return what a change of a device's filters does.

    Args:
        flows: those that the fleet needs
        ours: the places of moor's list, where flows pass of which the routes say nothing
    """
    wanted = list(flows)
    return Effect(meet(before, wanted, ours), meet(after, wanted, ours), tuple(changes(before, after)))


def meet(device: Device, flows: Sequence[FleetFlow], ours: Sequence[Place]) -> dict[FleetFlow, Met]:
    """Return what each flow meets that passes a device; flows that do not pass it, or perhaps not, are left out."""
    alike: dict[tuple[tuple[str, str, int], ...], list[FleetFlow]] = {}
    for one in flows:
        alike.setdefault(tuple(passages(device, one, ours)), []).append(one)
    found: dict[FleetFlow, Met] = {}
    for between, some in alike.items():
        filters = dict(each for one in between for each in device.filters_between(*one))
        for one in some if filters else ():
            found[one] = hardest([Met(where, each.decide(one.flow)) for where, each in filters.items()])
    return found


def hardest(met: Sequence[Met]) -> Met:
    """Return what decides about a flow that meets several filters: one that shuts it or may shut it, or the last."""
    order = ("shut", "unsure", "open")
    return min(reversed(met), key=lambda one: order.index(one.decision.verdict))


def passages(device: Device, one: FleetFlow, ours: Sequence[Place]) -> Iterator[tuple[str, str, int]]:
    """Yield the pairs of interfaces between which a flow passes, as far as routes or the places of moor's list say."""
    flow, version = one.flow, one.flow.version
    source, target = device.next_hop(flow.source), device.next_hop(flow.destination)
    inbound, outbound = source.interface if source else "", target.interface if target else ""
    if device.interface_of(flow.destination):
        outbound = LOCAL
    elif inbound and inbound == outbound:
        return  # they reach each other without this device
    assumed = [place for place in ours if place[2] == version] if one.assumed else []
    for came in _known(inbound, outbound, assumed, "in"):
        for goes in _known(outbound, inbound, assumed, "out"):
            if came or goes:
                yield came, goes, version


def _known(interface: str, other: str, assumed: Sequence[Place], way: str) -> list[str]:
    """Return the interface, or those where moor's list would meet the flow, or an empty name."""
    if interface:
        return [interface]
    return [place[0] for place in assumed if place[1] == way and place[0] != other] or [""]


def changes(before: Device, after: Device) -> Iterator[str]:
    """Yield what the change opens and shuts; places that change in the same way share their lines."""
    alike: dict[tuple[Filter, Filter], list[str]] = {}
    for where, old, new in (*_lists(before, after), *_chains(before, after)):
        if old.entries != new.entries:
            alike.setdefault((old, new), []).append(where)
    for (old, new), places in alike.items():
        found, at = compare(old, new), ", ".join(places)
        yield from (f"opens at {at}: {words}" for words in describe(found.opened, old.version))
        yield from (f"shuts at {at}: {words}" for words in describe(found.shut, old.version))


def _lists(before: Device, after: Device) -> Iterator[tuple[str, Filter, Filter]]:
    for place in sorted({*before.filters, *after.filters}):
        yield f"{place[0]} {place[1]}", before.filter_at(*place), after.filter_at(*place)


def _chains(before: Device, after: Device) -> Iterator[tuple[str, Filter, Filter]]:
    """Yield the chains of both devices for every pair of interfaces that a rule tells apart from others."""
    for version in sorted({*before.chains, *after.chains}):
        chains = [device.chains.get(version, Chain()) for device in (before, after)]
        rules = [one for chain in chains for one in chain.rules]
        inbound = [*dict.fromkeys(one.inbound for one in rules if one.inbound), OTHER]
        outbound = [*dict.fromkeys(one.outbound for one in rules if one.outbound), OTHER]
        for came, goes in product(inbound, outbound):
            where = " and ".join(f"{name} {way}" for name, way in ((came, "in"), (goes, "out")) if name != OTHER)
            old, new = (chain.between(came, goes, version) for chain in chains)
            yield where or "all other interfaces", old, new
