"""The plan of one host of the shipped lab, by the shipped site with all its tasks."""

from __future__ import annotations

import shutil
import sys
from ipaddress import IPv4Network
from pathlib import Path

from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command
from bench.rounds import Figures, figures
from moor.errors import MoorError
from moor_lab.artifacts import provide
from moor_lab.fleet import load_fleet
from moor_lab.lab import Lab

HOST, TIMES = "ws1", 5
HAS_CHANGES = 2  # the exit code of a plan
COPIED = ("config.yaml", "inventory", "moor_lab/demo/context")


def measure_one_host(client: Client, place: Path, number: int) -> Figures:
    """Boot one host of the shipped lab on the network 10.NUMBER.0.0/16, and measure `moor plan` of it."""
    shipped = load_fleet()
    network, directory = IPv4Network(f"10.{number}.0.0/16"), Path(f"/var/lib/moor-lab-b{number}")
    lab = Lab(shipped.moved(network, f"b{number}", directory), progress=tell)
    lab.down(secrets=True)  # of a run that was killed
    try:
        provide(lab)
        lab.up([HOST])
        site = shipped_site(lab, place / "site")
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


def shipped_site(lab: Lab, site: Path) -> Path:
    """Copy the shipped site, with the addresses and files of this lab."""
    shipped = load_fleet()
    for name in COPIED:
        source, target = ROOT / name, site / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    prefix, moved = (str(fleet.network).rsplit(".", 2)[0] + "." for fleet in (shipped, lab.fleet))
    for path in [site / "config.yaml", *(site / "inventory").iterdir()]:
        text = path.read_text().replace(prefix, moved).replace(str(shipped.directory), str(lab.directory))
        path.write_text(text)
    return site
