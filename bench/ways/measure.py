"""How long the question takes whether nodes reach the registry through devices with long lists."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command
from bench.standin_process import must
from bench.ways.contents import places, write

QUESTION = "bench.ways.question"
NODES = 500


@dataclass(frozen=True)
class WaysMeasured:
    """The question for so many nodes, over devices on the way with lists of so many lines in each address family.

    Attributes:
        took_s: from the start of Python on
        changed: flows that the plan opens and shuts, as lines
    """

    nodes: int
    devices: int
    lines: int
    took_s: float
    cpu_s: float
    peak_mb: float
    changed: int


def question(folder: Path, nodes: int) -> Command:
    """Return the command that asks."""
    return Command((sys.executable, "-m", QUESTION, str(folder), str(nodes)), ROOT)


def measure_ways(client: Client, folder: Path, lines: int, rounds: int, nodes: int = NODES) -> WaysMeasured:
    """Write the configurations, then ask as often as there are rounds."""
    write(folder, lines)
    runs = [must(client.run(question(folder, nodes))) for _ in range(rounds)]
    found = json.loads(runs[0].stdout)
    took_s, cpu_s = (median(getattr(run, name) for run in runs) for name in ("wall_s", "cpu_s"))
    peak_mb = max(run.peak_mb for run in runs)
    tell(f"ways of {nodes} nodes over lists of {lines} lines: {took_s:.2f} s, {peak_mb:.0f} MB")
    return WaysMeasured(nodes, len(places(3)), lines, took_s, cpu_s, peak_mb, int(found["changed"]))
