"""The order of measurements: all contenders in turn in each round, so that a slower machine affects all equally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contenders.contender import Contender
from bench.fleet import tell
from bench.measure import Client, Run
from moor.errors import MoorError

# A run over more hosts than LARGE averages over hosts already, and takes a minute.
LARGE, LARGE_ROUNDS = 200, 2


@dataclass(frozen=True)
class Figures:
    """The medians of some runs: seconds of CPU, of time, and MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    runs: int


Table = dict[str, dict[int, Figures]]  # by contender, then by number of hosts


def measured(
    client: Client, contenders: Sequence[Contender], sizes: Sequence[int], rounds: int, hosts: Sequence[str]
) -> Table:
    """Measure every contender at each of its sizes."""
    runs: dict[tuple[str, int], list[Run]] = {}
    for number in range(rounds):
        for contender, size in turns(contenders, sizes, number):
            run = once(client, contender, hosts[:size])
            tell(f"round {number + 1}: {contender.name}, {size} hosts: {run.cpu_s * 1000 / size:.1f} ms of CPU a host")
            runs.setdefault((contender.name, size), []).append(run)
    table: Table = {}
    for (name, size), found in runs.items():
        table.setdefault(name, {})[size] = figures(found)
    return table


def turns(contenders: Sequence[Contender], sizes: Sequence[int], number: int = 0) -> Iterator[tuple[Contender, int]]:
    """Yield the contenders and numbers of hosts of a round; the first round is 0."""
    for size in sizes if number < LARGE_ROUNDS else (size for size in sizes if size <= LARGE):
        for contender in contenders:
            if size <= contender.largest:
                yield contender, size


def once(client: Client, contender: Contender, hosts: Sequence[str]) -> Run:
    """Measure one run on hosts without drift; raise MoorError if the contender reports drift."""
    run = client.run(contender.command(hosts))
    if wrong := contender.drifted(run, hosts):
        names = ", ".join(sorted(wrong)[:9])
        raise MoorError(f"bench: {contender.name} found drift, or nobody, on {names}\n{run.stderr.strip()[-800:]}")
    return run


def figures(runs: Sequence[Run]) -> Figures:
    """Return the medians of some runs."""
    return Figures(
        median(run.cpu_s for run in runs),
        median(run.wall_s for run in runs),
        median(run.peak_mb for run in runs),
        len(runs),
    )
