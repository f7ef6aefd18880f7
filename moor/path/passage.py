"""Flows through one device: which of its filters they meet, and what a change of the filters does to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from moor.path.device import Device, Place
from moor.path.difference import compare
from moor.path.rules import Decision, Filter
from moor.path.space import BEGINS, Flow
from moor.path.words import describe


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
    return Effect(meet(before, wanted, ours), meet(after, wanted, ours), tuple(_changed(before, after)))


def meet(device: Device, flows: Sequence[FleetFlow], ours: Sequence[Place]) -> dict[FleetFlow, Met]:
    """Return what each flow meets that passes a device; flows that pass no place of it are left out."""
    by_places: dict[tuple[Place, ...], list[FleetFlow]] = {}
    for one in flows:
        by_places.setdefault(tuple(places_of(device, one, ours)), []).append(one)
    found: dict[FleetFlow, Met] = {}
    for places, some in by_places.items():
        packets = [one.flow for one in some]
        decisions = [(place, device.filter_at(*place).decide_all(packets)) for place in places]
        for one in some if places else ():
            met = [Met(f"{interface} {way}", each[one.flow]) for (interface, way, _), each in decisions]
            found[one] = hardest(met)
    return found


def hardest(met: Sequence[Met]) -> Met:
    """Return what decides about a flow that meets several filters: one that shuts it or may shut it, or the last."""
    order = ("shut", "unsure", "open")
    return min(reversed(met), key=lambda one: order.index(one.decision.verdict))


def places_of(device: Device, one: FleetFlow, ours: Sequence[Place]) -> Iterator[Place]:
    """Yield the places that a flow passes, as far as the device's routes or the places of moor's list say."""
    flow, version = one.flow, one.flow.version
    source, target = device.next_hop(flow.source), device.next_hop(flow.destination)
    own = bool(device.interface_of(flow.destination))
    if source and target and source.interface == target.interface and not own:
        return  # they reach each other without this device
    assumed = [place for place in ours if place[2] == version] if one.assumed else []
    if source:
        yield source.interface, "in", version
    else:
        yield from (place for place in assumed if place[1] == "in" and not (target and place[0] == target.interface))
    if own:
        return
    if target:
        yield target.interface, "out", version
    else:
        yield from (place for place in assumed if place[1] == "out" and not (source and place[0] == source.interface))


def _changed(before: Device, after: Device) -> Iterator[str]:
    """Yield what the change opens and shuts; places that change in the same way share their lines."""
    alike: dict[tuple[Filter, Filter], list[str]] = {}
    for place in sorted({*before.filters, *after.filters}):
        pair = before.filter_at(*place), after.filter_at(*place)
        if pair[0].entries != pair[1].entries:
            alike.setdefault(pair, []).append(f"{place[0]} {place[1]}")
    for (old, new), places in alike.items():
        found = compare(old, new)
        where = ", ".join(places)
        yield from (f"opens at {where}: {words}" for words in describe(found.opened, old.version))
        yield from (f"shuts at {where}: {words}" for words in describe(found.shut, old.version))
