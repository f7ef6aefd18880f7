"""How long a plan of a registry's configuration takes, beside the bare requests that it needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.configuration.contents import make_site
from bench.contenders.contender import ROOT
from bench.fleet import tell
from bench.measure import Client, Command, Run
from moor.errors import MoorError
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


class Server:
    """The stand-in in its process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._line())

    def asked(self) -> int:
        """Write what was asked since the last time into requests.json, and return how much it was."""
        assert self._process.stdin  # noqa: S101  # it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout  # noqa: S101
        if line := self._process.stdout.readline():
            return line
        raise MoorError(f"bench: {STAND_IN} ended")


@contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """Run the stand-in until the block ends."""
    argv = [sys.executable, "-m", STAND_IN, str(directory)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def measure_configuration(client: Client, directory: Path, projects: int, rounds: int) -> Configured:
    """Configure a registry by moor, then measure plans and their bare requests in turn."""
    with serving(directory) as server:
        site = make_site(directory / "site", directory / "ca.crt", server.port, projects)
        tell(f"configuring {projects} projects")
        _must(client.run(_moor(site, "apply", "--yes")), 0)
        _must(client.run(_moor(site, "plan")), 0)
        server.asked()
        plans, bare, requests = [], [], 0
        for _ in range(rounds):
            plans.append(_must(client.run(_moor(site, "plan")), 0))
            requests = server.asked()
            bare.append(_must(client.run(_bare(directory, server.port)), 0))
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


def _must(run: Run, code: int) -> Run:
    """Return a run; raise MoorError if it ended otherwise."""
    if run.code != code:
        raise MoorError(f"bench: ended with {run.code}: {run.stderr[-800:] or run.stdout[-800:]}")
    return run
