"""Measure moor beside other tools: ``make bench``, or ``python -m bench``.

BENCH_SIZES   numbers of hosts, such as 10,50,200,500,1000
BENCH_ROUNDS  how often everybody is measured
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contenders.contender import Contender
from bench.contenders.moor import Moor
from bench.contenders.ssh import Ssh
from bench.fleet import names, running, tell
from bench.hosts import everywhere, furnish
from bench.measure import Client
from bench.proof import HOSTS, prove
from bench.rounds import measured
from lab.lab import Lab
from moor.errors import InputError, MoorError

SIZES, ROUNDS = "10,50,200,500,1000", "3"


def main() -> int:
    """Measure, and write the page; 1 with the reason where that is not possible."""
    try:
        sizes, rounds = numbers("BENCH_SIZES", SIZES), numbers("BENCH_ROUNDS", ROUNDS)[0]
        with running(max(sizes)) as lab, TemporaryDirectory(prefix="bench-") as place:
            measure(lab, Path(place), sizes, rounds)
    except MoorError as error:
        tell(str(error))
        return 1
    return 0


def numbers(name: str, default: str) -> list[int]:
    """Read whole numbers from the environment; raises InputError."""
    words = os.environ.get(name, default).split(",")
    if not all(word.strip().isdigit() and int(word) > 0 for word in words):
        raise InputError(f"{name}: numbers parted by commas are wanted, such as {default}")
    return sorted(map(int, words))


def measure(lab: Lab, place: Path, sizes: list[int], rounds: int) -> None:
    """Measure everybody on a running lab."""
    hosts, client = names(max(sizes)), Client(lab.fleet.name)
    tell("giving the hosts what is checked")
    everywhere(lab, hosts, furnish())
    contenders = entered(lab, place)
    for contender in contenders:
        contender.place.mkdir()
        for size in {HOSTS, *sizes}:
            if size <= contender.largest:
                contender.prepare(hosts[:size])
    tell("planting drift, which everybody has to see")
    prove(client, contenders, lab, hosts[:HOSTS])
    measured(client, contenders, sizes, rounds, hosts)


def entered(lab: Lab, place: Path) -> list[Contender]:
    """Give everybody who takes part."""
    return [Moor(lab, place / "moor"), Ssh(lab, place / "ssh")]


if __name__ == "__main__":
    sys.exit(main())
