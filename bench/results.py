"""The figures of a run, and the targets that it meets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.alone import Pair
from bench.fit import Fit, fit, nearest_size
from bench.rounds import Figures, Table

AT = 200  # hosts at which tools are compared
LINK_MBIT = 1000  # of the link of an upload, as registries have it
MOOR, LIBSSH, FLOOR, ANSIBLE, PYINFRA = "moor", "moor, libssh", "raw ssh", "ansible, 8 tasks", "pyinfra --dry"


@dataclass(frozen=True)
class Results:
    """The figures of one run.

    Attributes:
        versions: by contender
        libraries: imported, and nothing done with them, by contender

    library_ms of CPU that the library of SSH takes by itself for a login and for an empty command, by contender

    Attributes:
        warm_ms: of CPU a host, by contender
        applied: a check, and an apply that changes three files, on so many hosts
        linked: scp, and moor, with so many MB over a link of ``LINK_MBIT``
        uploaded: the same within this machine's memory, as far as two processors go
    """

    machine: str
    rounds: int
    took_s: float
    versions: Mapping[str, str]
    table: Table
    start: Figures
    libraries: Mapping[str, Figures]
    library_ms: Mapping[str, tuple[float, float]]
    warm_ms: Mapping[str, float]
    applied: Pair
    linked: Pair
    uploaded: Pair


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


def each_ms(sizes: Mapping[int, Figures], wanted: int = AT) -> float:
    """Return the CPU per host in ms, at ``wanted`` hosts or the next smaller measured size."""
    size = nearest_size(sizes, wanted)
    return sizes[size].cpu_s * 1000 / size


def line_of(sizes: Mapping[int, Figures]) -> Fit | None:
    """Return the linear fit of the CPU over all sizes, in ms."""
    return fit({size: found.cpu_s * 1000 for size, found in sizes.items()})


def aims(results: Results) -> list[Aim]:
    """Return all targets that the run can judge."""
    return [*_compared(results), *_alone(results)]


def _compared(results: Results) -> Iterator[Aim]:
    wanted = {MOOR: (0.5, 70.0, 8.0), LIBSSH: (0.3, 130.0, 14.0)}
    for name, (floor, ansible, pyinfra) in wanted.items():
        own = results.table.get(name)
        if own is None:
            continue
        cost = each_ms(own)
        if FLOOR in results.table:
            yield Aim(f"{name}: CPU of a check, to raw ssh's", "at most", floor, cost / each_ms(results.table[FLOOR]))
        for other, times in ((ANSIBLE, ansible), (PYINFRA, pyinfra)):
            if other in results.table:
                yield Aim(
                    f"{name}: times less CPU than {other}", "at least", times, each_ms(results.table[other]) / cost
                )


def _alone(results: Results) -> Iterator[Aim]:
    for name, wanted in ((MOOR, 3.0), (LIBSSH, 1.0)):
        if name in results.warm_ms:
            yield Aim(
                f"{name}: CPU a host of a check that is repeated", "at most", wanted, results.warm_ms[name], " ms"
            )
    for name in (MOOR, LIBSSH):
        if sizes := results.table.get(name):
            yield Aim(f"{name}: memory at {max(sizes)} hosts", "at most", 120, sizes[max(sizes)].peak_mb, " MB")
            if line := line_of(sizes):
                yield Aim(f"{name}: a straight line over N (determination)", "at least", 0.99, line.determination)
    yield Aim("`moor --help`: CPU", "at most", 0.2, results.start.cpu_s, " s")
    applied, linked = results.applied, results.linked
    yield Aim(
        "an apply that changes 3 files: CPU, to a check's", "at most", 1.5, applied.other.cpu_s / applied.one.cpu_s
    )
    what = f"an upload of {linked.size} MB"
    at = f"at {LINK_MBIT / 1000:g} Gb/s"
    yield Aim(f"{what} {at}: time, to scp's", "at most", 1.3, linked.other.wall_s / linked.one.wall_s)
    yield Aim(f"{what}: memory", "at most", 120, linked.other.peak_mb, " MB")
