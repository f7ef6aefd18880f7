"""How long a plan of a registry's configuration takes, beside the bare requests that it needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.configuration.contents import make_site
from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command
from bench.standin_process import must, serving
from moor.tasks.registry.answers import AT_ONCE

STAND_IN = "bench.configuration.server"
BARE = "bench.configuration.bare"
MOOR = "bench.configuration.moor_on_loopback"


@dataclass(frozen=True)
class Configured:
    """A plan of a registry's configuration that finds nothing to do, and the same requests by themselves.

    Attributes:
        requests: of the plan; all of them GETs
        plan_s: time of the plan, from the start of Python on
        bare_s: time of the bare requests, likewise
        cpu_s: of the plan
    """

    projects: int
    requests: int
    plan_s: float
    bare_s: float
    cpu_s: float


def measure_configuration(client: Client, directory: Path, projects: int, rounds: int) -> Configured:
    """Configure a registry by moor, then measure plans and their bare requests in turn."""
    with serving(STAND_IN, directory) as server:
        port = int(server.first)
        site = make_site(directory / "site", directory / "ca.crt", port, projects)
        tell(f"configuring {projects} projects")
        must(client.run(_moor(site, "apply", "--yes")), 0)
        must(client.run(_moor(site, "plan")), 0)
        server.asked()
        plans, bare, requests = [], [], 0
        for _ in range(rounds):
            plans.append(must(client.run(_moor(site, "plan")), 0))
            (requests,) = server.asked()
            bare.append(must(client.run(_bare(directory, port)), 0))
            server.asked()
    found = Configured(
        projects,
        requests,
        median(run.wall_s for run in plans),
        median(run.wall_s for run in bare),
        median(run.cpu_s for run in plans),
    )
    tell(f"plan of {projects} projects: {found.plan_s:.1f} s, {requests} requests, bare {found.bare_s:.1f} s")
    return found


def _moor(site: Path, command: str, *options: str) -> Command:
    argv = (sys.executable, "-m", MOOR, command, "registry", "--site", str(site), "--quiet", *options)
    return Command(argv, ROOT)


def _bare(directory: Path, port: int) -> Command:
    return Command((sys.executable, "-m", BARE, str(directory), str(port), str(AT_ONCE)), ROOT)
