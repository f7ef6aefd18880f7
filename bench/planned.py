"""What a plan of thousands of hosts costs moor itself, without the network."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command
from moor.errors import MoorError

MODULE = "bench.without_network"


@dataclass(frozen=True)
class Planned:
    """A plan of a fleet whose hosts answer at once.

    Attributes:
        cpu_s: of all phases
        phases: seconds of CPU of each
    """

    hosts: int
    cpu_s: float
    peak_mb: float
    phases: dict[str, float]


def measure_planned(client: Client, hosts: int) -> Planned:
    """Measure the plan of so many hosts in a process of its own."""
    if not find_spec(MODULE):
        raise MoorError(f"bench: there is no {MODULE}")
    run = client.run(Command((sys.executable, "-m", MODULE, "--hosts", str(hosts)), ROOT))
    if run.code:
        raise MoorError(f"bench: {MODULE} ended with {run.code}: {run.stderr[-800:]}")
    found = json.loads(run.stdout)
    count, peak_mb, cpu_s = int(found.pop("hosts")), float(found.pop("peak_mb")), float(found.pop("all"))
    tell(f"plan of {count} hosts without network: {cpu_s:.2f} s of CPU, {peak_mb:.0f} MB")
    return Planned(count, cpu_s, peak_mb, {name: float(value) for name, value in found.items()})
