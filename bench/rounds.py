"""The order of measurements: all contenders in turn in each round, so that a slower machine affects all equally."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from bench.contenders.contender import Contender
from bench.fleet import tell
from bench.measure import Client, Run
from moor.errors import MoorError

# A run over more hosts than LARGE averages over hosts already, and takes a minute.
LARGE, LARGE_ROUNDS = 200, 1


@dataclass(frozen=True)
class Figures:
    """The medians of some runs: seconds of CPU, of time, and MB."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    runs: int


Table = dict[str, dict[int, Figures]]  # by contender, then by number of hosts


@dataclass
class Failures:
    """Measurements that failed; the others go on."""

    found: list[str] = field(default_factory=list)

    @contextmanager
    def noted(self, what: str) -> Iterator[None]:
        """Note an error of the block as a failure of ``what``."""
        try:
            yield
        except Exception as error:  # whatever it is: what was measured for half an hour has to be written
            words = " ".join(str(error).split())[:400]
            self.found.append(f"{what}: {words or type(error).__name__}")
            tell(f"bench: failed: {self.found[-1]}")


def measured(
    client: Client,
    contenders: Sequence[Contender],
    sizes: Sequence[int],
    rounds: int,
    hosts: Sequence[str],
    failures: Failures,
) -> Table:
    """Measure every contender at each of its sizes; one that fails at a size is not measured at it again."""
    runs: dict[tuple[str, int], list[Run]] = {}
    failed: set[tuple[str, int]] = set()
    for number in range(rounds):
        for contender, size in turns(contenders, sizes, number):
            turn = (contender.name, size)
            if turn in failed:
                continue
            failed.add(turn)
            with failures.noted(f"{contender.name}, {size} hosts"):
                run = once(client, contender, hosts[:size])
                tell(f"round {number + 1}: {contender.name}, {size} hosts: {spent(run, size)}")
                runs.setdefault(turn, []).append(run)
                failed.discard(turn)
    table: Table = {}
    for (name, size), found in runs.items():
        table.setdefault(name, {})[size] = figures(found)
    return table


def spent(run: Run, size: int) -> str:
    """Describe what a run took."""
    return f"{run.cpu_s * 1000 / size:.1f} ms of CPU a host, {run.wall_s:.1f} s, {run.peak_mb:.0f} MB"


def turns(contenders: Sequence[Contender], sizes: Sequence[int], number: int = 0) -> Iterator[tuple[Contender, int]]:
    """Yield the contenders and numbers of hosts of a round; the first round is 0."""
    for size in sizes if number < LARGE_ROUNDS else (size for size in sizes if size <= LARGE):
        for contender in contenders:
            if size <= contender.largest and number < contender.rounds:
                yield contender, size


def once(client: Client, contender: Contender, hosts: Sequence[str]) -> Run:
    """Measure one run on hosts without drift; raise MoorError if the contender reports drift."""
    run = client.run(contender.command(hosts))
    if wrong := contender.drifted(run, hosts):
        names = ", ".join(sorted(wrong)[:9])
        raise MoorError(
            f"bench: {contender.name} found drift, or nobody, on {len(wrong)}: {names}\n{run.stderr.strip()[-800:]}"
        )
    return run


def figures(runs: Sequence[Run]) -> Figures:
    """Return the medians of some runs."""
    return Figures(
        median(run.cpu_s for run in runs),
        median(run.wall_s for run in runs),
        median(run.peak_mb for run in runs),
        len(runs),
    )
