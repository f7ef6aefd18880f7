"""Runs over a distance, beside runs of moor without any, and how much the relay had to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.contenders.contender import Contender
from bench.contenders.everybody import FAR, entered
from bench.contenders.moor import Moor
from bench.distance.far import Relay, far
from bench.distance.loop import Load
from bench.fleet import tell
from bench.measure import Client, Run
from bench.proof import HOSTS, proven
from bench.rounds import Failures, Figures, Table, figures, once, spent, turns
from moor_lab.lab import Lab

BUSY, LATE = 0.7, 0.1  # shares of a processor, and of the delay, above which the relay holds up a run


@dataclass(frozen=True)
class Carried:
    """How much the relay had to do in a run.

    Attributes:
        cpu: its share of one processor
        late_ms: by how much data left it too late, on average
        latest_ms: the same, at most
    """

    connections: int
    cpu: float
    late_ms: float
    latest_ms: float

    def holds_up(self, round_trip_ms: float) -> bool:
        """Return whether the run was slower by the relay's own work."""
        return self.cpu > BUSY or self.late_ms > LATE * round_trip_ms / 2


@dataclass(frozen=True)
class Far:
    """What was measured over one distance.

    Attributes:
        near: moor without distance, in the same rounds, by number of hosts
        relay: the median of its work in each run, by contender and number of hosts
    """

    round_trip_ms: int
    table: Table
    near: dict[int, Figures]
    relay: dict[str, dict[int, Carried]]


@dataclass
class Runs:
    """The runs of one distance."""

    of: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    near: dict[int, list[Run]] = field(default_factory=dict)
    relay: dict[tuple[str, int], list[Carried]] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """What the runs over a distance need.

    Attributes:
        near: moor without distance; the sizes are prepared
        sizes: numbers of hosts
    """

    client: Client
    lab: Lab
    place: Path
    near: Moor
    hosts: Sequence[str]
    sizes: Sequence[int]
    rounds: int
    failures: Failures


def measure_far(ground: Field, round_trip_ms: int, tools: Sequence[str]) -> Far:
    """Measure the tools over one distance, once each of them was seen to find drift over it."""
    place = ground.place / f"far-{round_trip_ms}"
    place.mkdir()
    with far(ground.lab, place, round_trip_ms) as (reach, relay):
        contenders = entered(reach, place, tools, FAR)
        for contender, size in turns(contenders, sorted({HOSTS, *ground.sizes})):
            contender.prepare(ground.hosts[:size])
        right = proven(ground.client, contenders, ground.lab, ground.hosts[:HOSTS], ground.failures)
        found = Runs()
        for number in range(ground.rounds):
            for contender, size in turns(right, ground.sizes, number):
                with ground.failures.noted(f"{contender.name}, {size} hosts, {round_trip_ms} ms"):
                    measure_turn(ground, contender, size, relay, found)
    return summed(found, round_trip_ms)


def measure_turn(ground: Field, contender: Contender, size: int, relay: Relay, found: Runs) -> None:
    """Measure one run over the distance; before moor's, one without."""
    hosts = ground.hosts[:size]
    if isinstance(contender, Moor):
        run = once(ground.client, ground.near, hosts)
        tell(f"no distance: moor, {size} hosts: {spent(run, size)}")
        found.near.setdefault(size, []).append(run)
    relay.read_load()
    run = once(ground.client, contender, hosts)
    carried = of_load(relay.read_load())
    tell(
        f"distance: {contender.name}, {size} hosts: {spent(run, size)}; "
        f"relay: {carried.cpu:.0%} of a processor, {carried.late_ms:.1f} ms late, at most {carried.latest_ms:.0f}"
    )
    found.of.setdefault((contender.name, size), []).append(run)
    found.relay.setdefault((contender.name, size), []).append(carried)


def of_load(load: Load) -> Carried:
    """Return the relay's load as shares and ms."""
    return Carried(load.connections, load.cpu_s / load.wall_s, load.late_mean_s * 1000, load.late_s * 1000)


def summed(found: Runs, round_trip_ms: int) -> Far:
    """Return the medians of all runs."""
    table: Table = {}
    relay: dict[str, dict[int, Carried]] = {}
    for (name, size), runs in found.of.items():
        table.setdefault(name, {})[size] = figures(runs)
        relay.setdefault(name, {})[size] = median_of(found.relay[name, size])
    return Far(round_trip_ms, table, {size: figures(runs) for size, runs in found.near.items()}, relay)


def median_of(runs: Sequence[Carried]) -> Carried:
    """Return the medians of the relay's work."""
    return Carried(
        max(one.connections for one in runs),
        median(one.cpu for one in runs),
        median(one.late_ms for one in runs),
        max(one.latest_ms for one in runs),
    )


def held_up(found: Far) -> Mapping[str, list[int]]:
    """Return the runs that were slower by the relay's own work."""
    slow = {
        name: [size for size, carried in sizes.items() if carried.holds_up(found.round_trip_ms)]
        for name, sizes in found.relay.items()
    }
    return {name: sizes for name, sizes in slow.items() if sizes}
