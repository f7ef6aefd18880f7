"""The targets, and which of them a run reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.alone import RECORDED, Alone, Pair
from bench.distance.measure import Far
from bench.results import ANSIBLE, FLOOR, LINK_MBIT, MOOR, PYINFRA, Results, each_ms, line_of


@dataclass(frozen=True)
class Aim:
    """A target and the measured value."""

    what: str
    way: Literal["at most", "at least"]
    wanted: float
    found: float
    unit: str = ""

    @property
    def reached(self) -> bool:
        return self.found <= self.wanted if self.way == "at most" else self.found >= self.wanted


def aims(results: Results) -> list[Aim]:
    """Return all targets that the results can judge."""
    found = [*_compared(results), *_of_the_process(results)]
    for far in results.far[:1]:
        found += _over_distance(far)
    found += _in_memory(results)
    if applied := results.applied:
        ratio = applied.other.cpu_s / applied.one.cpu_s
        found.append(Aim("an apply that changes 3 files: CPU, to a check's", "at most", 1.25, ratio))
    found += [*_planned(results), *_configured(results), *_bundled(results), *_images(results), *_devices(results)]
    found += _ways(results)
    return [*found, *_uploaded(results), *_on_the_host(results)]


def _compared(results: Results) -> Iterator[Aim]:
    own = results.table.get(MOOR)
    if own is None:
        return
    cost = each_ms(own)
    if FLOOR in results.table:
        yield Aim("CPU of a check, to raw ssh's", "at most", 0.33, cost / each_ms(results.table[FLOOR]))
    for other, times in ((PYINFRA, 12), (ANSIBLE, 140)):
        if other in results.table:
            yield Aim(f"times less CPU than {other}", "at least", times, each_ms(results.table[other]) / cost)
    if line := line_of(own):
        yield Aim("a straight line over N (determination)", "at least", 0.99, line.determination)


def _of_the_process(results: Results) -> Iterator[Aim]:
    alone: Alone | None = results.alone
    if alone is None:
        return
    if MOOR in alone.warm_ms:
        yield Aim("CPU a host of a check that is repeated", "at most", 0.7, alone.warm_ms[MOOR], " ms")
    if alone.start:
        yield Aim("`moor --help`: CPU", "at most", 0.2, alone.start.cpu_s, " s")
    if alone.plan_shipped:
        what = "`moor plan` of one host in the shipped lab: CPU"
        yield Aim(what, "at most", 0.35, alone.plan_shipped.cpu_s, " s")
    if alone.history_ms:
        yield Aim(f"a record in history: CPU a host, {RECORDED} hosts", "at most", 0.1, alone.history_ms[1], " ms")


def _over_distance(far: Far) -> Iterator[Aim]:
    own, peer = far.table.get(MOOR, {}), far.table.get(PYINFRA, {})
    at = f"{far.round_trip_ms} ms of round trip"
    for size in sorted(own.keys() & peer.keys()):
        ratio = own[size].wall_s / peer[size].wall_s
        yield Aim(f"time at {at}, {size} hosts, to pyinfra's", "at most", 0.4, ratio)
    for size in sorted(own.keys() & far.near.keys()):
        ratio = own[size].wall_s / far.near[size].wall_s
        yield Aim(f"time at {at}, {size} hosts, to its own without distance", "at most", 1.2, ratio)


def _in_memory(results: Results) -> Iterator[Aim]:
    if own := results.table.get(MOOR):
        yield Aim(f"memory at {max(own)} hosts", "at most", 80, own[max(own)].peak_mb, " MB")
    if large := results.large:
        yield Aim(f"memory at {large.names} hosts", "at most", 200, large.figures.peak_mb, " MB")


def _planned(results: Results) -> Iterator[Aim]:
    if planned := results.planned:
        yield Aim(f"plan of {planned.hosts} hosts without the network: CPU", "at most", 2, planned.cpu_s, " s")


def _configured(results: Results) -> Iterator[Aim]:
    if found := results.configured:
        what = f"plan of a registry's configuration, {found.projects} projects"
        yield Aim(f"{what}: time, to its bare requests'", "at most", 1.2, found.plan_s / found.bare_s)
        yield Aim(f"{what}: requests a project", "at most", 8, found.requests / found.projects)


def _bundled(results: Results) -> Iterator[Aim]:
    if found := results.bundled:
        what = f"a bundle of {found.megabytes} MB of images"
        yield Aim(f"{what}: time, to skopeo's", "at most", 1.2, found.folder_s / found.skopeo_s)
        yield Aim(f"{what}: memory", "at most", 200, found.peak_mb, " MB")


def _images(results: Results) -> Iterator[Aim]:
    if found := results.images:
        what = f"check of {found.images} images of {found.pods} pods"
        yield Aim(f"{what}: time, to its bare requests'", "at most", 1.3, found.check_s / found.bare_s)
        yield Aim(f"{what}: requests to registries, an image", "at most", 2, found.registry_requests / found.images)
        yield Aim(f"{what}: memory", "at most", 150, found.peak_mb, " MB")


def _devices(results: Results) -> Iterator[Aim]:
    if found := results.devices:
        what = f"check of {found.devices} network devices"
        yield Aim(f"{what}: CPU, to bare reads by Netmiko", "at most", 1.3, found.cpu_s / found.bare_cpu_s)
        yield Aim(f"{what}: logins, a device", "at most", 1, found.logins / found.devices)


def _ways(results: Results) -> Iterator[Aim]:
    if found := results.ways:
        what = f"ways of {found.nodes} nodes over lists of {found.lines:,} lines"
        yield Aim(f"{what}: time", "at most", 2, found.took_s, " s")
        yield Aim(f"{what}: memory", "at most", 150, found.peak_mb, " MB")


def _uploaded(results: Results) -> Iterator[Aim]:
    linked: Pair | None = results.linked
    uploaded: Pair | None = results.uploaded
    if uploaded:
        ratio = uploaded.other.wall_s / uploaded.one.wall_s
        yield Aim(f"an upload of {uploaded.size} MB without a link: time, to scp's", "at most", 1.5, ratio)
    if linked:
        what, at = f"an upload of {linked.size} MB", f"at {LINK_MBIT / 1000:g} Gb/s"
        yield Aim(f"{what} {at}: time, to scp's", "at most", 1.3, linked.other.wall_s / linked.one.wall_s)
        yield Aim(f"{what}: memory", "at most", 120, linked.other.peak_mb, " MB")


def _on_the_host(results: Results) -> Iterator[Aim]:
    own, floor = results.host.get(MOOR), results.host.get(FLOOR)
    if own and floor:
        yield Aim("CPU of a checked host, to raw ssh's", "at most", 2, own.cpu_ms / floor.cpu_ms)
        yield Aim("processes that a checked host starts, to raw ssh's", "at most", 2, own.forks / floor.forks)
