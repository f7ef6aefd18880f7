"""The plan of one host of the shipped lab, by the shipped site with all its tasks."""

from __future__ import annotations

import sys
from ipaddress import IPv4Network
from pathlib import Path

from bench.fleet import tell
from bench.measure import Client, Command
from bench.rounds import Figures, figures
from moor.errors import MoorError
from moor_lab.artifacts import provide
from moor_lab.fleet import load_fleet
from moor_lab.lab import Lab
from moor_lab.site import copy_shipped_site

HOST, TIMES = "ws1", 5
HAS_CHANGES = 2  # the exit code of a plan


def measure_one_host(client: Client, place: Path, number: int) -> Figures:
    """Boot one host of the shipped lab on the network 10.NUMBER.0.0/16, and measure `moor plan` of it."""
    shipped = load_fleet()
    network, directory = IPv4Network(f"10.{number}.0.0/16"), Path(f"/var/lib/moor-lab-b{number}")
    lab = Lab(shipped.moved(network, f"b{number}", directory), progress=tell)
    lab.down(secrets=True)  # of a run that was killed
    try:
        provide(lab)
        lab.up([HOST])
        site = copy_shipped_site(lab, place / "site")
        moor = str(Path(sys.executable).with_name("moor"))
        command = Command((moor, "plan", "--limit", HOST, "--site", str(site), "--quiet"), place)
        runs = [client.run(command) for _ in range(TIMES)]
    finally:
        lab.down(secrets=True)
    for run in runs:
        if run.code not in (0, HAS_CHANGES):
            raise MoorError(f"bench: moor plan --limit {HOST} ended with {run.code}: {run.stderr[-800:]}")
    found = figures(runs)
    tell(f"moor plan --limit {HOST}: {found.cpu_s:.2f} s of CPU")
    return found
