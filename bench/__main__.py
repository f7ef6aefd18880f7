"""Measure moor beside other tools: ``make bench``, or ``python -m bench``.

BENCH_SIZES      numbers of hosts, such as 10,50,200,500,1000
BENCH_ROUNDS     how often everybody is measured
BENCH_UPLOAD_MB  the size of the file that is uploaded
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.alone import applied, start, uploaded, warm_ms
from bench.contenders.ansible import Ansible, AnsibleRaw
from bench.contenders.bundlewrap import Bundlewrap
from bench.contenders.contender import OWN, Contender
from bench.contenders.moor import Moor
from bench.contenders.pyinfra import Pyinfra
from bench.contenders.ssh import Ssh
from bench.fit import nearest_size
from bench.fleet import names, running, tell
from bench.hosts import everywhere, furnish
from bench.measure import Client
from bench.page import page
from bench.proof import HOSTS, prove
from bench.results import AT, Results
from bench.rounds import measured
from lab.lab import Lab
from moor.errors import InputError, MoorError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    sizes: list[int]
    rounds: int
    upload_mb: int


def main() -> int:
    """Measure, and write the page; 1 with the reason where that is not possible."""
    try:
        scale = Scale(
            numbers("BENCH_SIZES", "10,50,200,500,1000"),
            numbers("BENCH_ROUNDS", "3")[0],
            numbers("BENCH_UPLOAD_MB", "700")[0],
        )
        with running(max(*scale.sizes, HOSTS)) as lab, TemporaryDirectory(prefix="bench-") as place:
            write(measure(lab, Path(place), scale))
    except MoorError as error:
        tell(str(error))
        return 1
    tell("bench/results.md says what was found")
    return 0


def numbers(name: str, default: str) -> list[int]:
    """Read whole numbers from the environment; raises InputError."""
    words = os.environ.get(name, default).split(",")
    if not all(word.strip().isdigit() and int(word) > 0 for word in words):
        raise InputError(f"{name}: numbers parted by commas are wanted, such as {default}")
    return sorted(map(int, words))


def measure(lab: Lab, place: Path, scale: Scale) -> Results:
    """Measure everybody on a running lab."""
    began = time.monotonic()
    hosts, client = names(len(lab.fleet.hosts)), Client(lab.fleet.name)
    tell("giving the hosts what is checked")
    everywhere(lab, hosts, furnish())
    contenders = entered(lab, place)
    for contender in contenders:
        contender.place.mkdir()
        for size in {1, HOSTS, *scale.sizes}:
            if size <= contender.largest:
                contender.prepare(hosts[:size])
    tell("planting drift, which everybody has to see")
    prove(client, contenders, lab, hosts[:HOSTS])
    table = measured(client, contenders, scale.sizes, scale.rounds, hosts)
    moors = [contender for contender in contenders if isinstance(contender, Moor)]
    some = hosts[: nearest_size(dict.fromkeys(scale.sizes), AT)]
    return Results(
        machine=f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python {platform.python_version()}",
        rounds=scale.rounds,
        versions={contender.name: contender.version for contender in contenders},
        table=table,
        start=start(client, moors[0]),
        warm_ms={moor.name: warm_ms(client, moor, some) for moor in moors},
        applied=applied(client, moors[0], some, scale.rounds),
        uploaded=uploaded(client, moors[0], hosts[0], scale.upload_mb, scale.rounds),
        took_s=time.monotonic() - began,
    )


def write(results: Results) -> None:
    """Write the page and its plot."""
    (HERE / "results.md").write_text(page(results), "utf-8")
    costs = {
        name: {size: found.cpu_s * 1000 / size for size, found in sizes.items()}
        for name, sizes in results.table.items()
    }
    argv = [str(OWN / "python"), str(HERE / "plot.py"), str(HERE / "results.svg")]
    subprocess.run(argv, input=json.dumps(costs), text=True, check=True)


def entered(lab: Lab, place: Path) -> list[Contender]:
    """Give everybody who takes part."""
    return [
        Moor(lab, place / "moor"),
        Ssh(lab, place / "ssh", largest=200),
        Pyinfra(lab, place / "pyinfra", largest=200),
        AnsibleRaw(lab, place / "ansible-raw", largest=200),
        Ansible(lab, place / "ansible", largest=50),
        Bundlewrap(lab, place / "bundlewrap", largest=50),
    ]


if __name__ == "__main__":
    sys.exit(main())
