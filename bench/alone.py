"""Measurements of moor alone: its start, one host, repeated checks, history, an apply, an upload compared with scp."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

from bench.checks import FILES
from bench.contenders.contender import ROOT
from bench.contenders.moor import UPLOADED, Moor
from bench.contenders.ssh import options
from bench.fleet import tell
from bench.hosts import everywhere, root
from bench.measure import Client, Command, Run
from bench.rounds import Failures, Figures, figures, once
from moor.errors import MoorError
from moor_lab.lab import Lab

REPEATS = 3
RECORDED = 200  # hosts of a check whose record in history is measured
CHANGED = tuple(FILES)[:3]
LIBRARIES = "nornir.core, sqlite3, pydantic, typer, ruamel.yaml"
# what else a check imports, by library of SSH
OWN = {"paramiko": "netmiko, nornir_netmiko", "libssh": "ssh.session", "libssh2": "ssh2.session"}


@dataclass(frozen=True)
class Pair:
    """Two commands measured in turns, with the number of hosts or MB."""

    one: Figures
    other: Figures
    size: int


@dataclass(frozen=True)
class Alone:
    """moor's own figures.

    Attributes:
        libraries: imported, and nothing done with them, by contender
        library_ms: of CPU that the library of SSH takes by itself for a login and for an empty command, by contender
        warm_ms: of CPU a host, by contender
        plan_one: `moor plan` of one host
        plan_shipped: the same in the shipped lab, with all tasks
        history_ms: of CPU: imports, and the write a host
    """

    start: Figures | None = None
    libraries: dict[str, Figures] = field(default_factory=dict)
    library_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    warm_ms: dict[str, float] = field(default_factory=dict)
    plan_one: Figures | None = None
    plan_shipped: Figures | None = None
    history_ms: tuple[float, float] | None = None


def measure_alone(client: Client, moors: Sequence[Moor], hosts: Sequence[str], failures: Failures) -> Alone:
    """Measure all of it; what fails is left out."""
    found = Alone()
    own = moors[0]
    with failures.noted("moor --help"):
        found = replace(found, start=start(client, own))
    with failures.noted("moor plan of one host"):
        found = replace(found, plan_one=plan_one(client, own, hosts[0]))
    with failures.noted("history"):
        found = replace(found, history_ms=history_ms(client))
    for moor in moors:
        with failures.noted(f"{moor.name}, libraries"):
            found.libraries[moor.name] = libraries(client, moor)
        with failures.noted(f"{moor.name}, library of SSH"):
            found.library_ms[moor.name] = library_ms(client, moor, hosts)
        with failures.noted(f"{moor.name}, repeated checks"):
            found.warm_ms[moor.name] = warm_ms(client, moor, hosts)
            tell(f"{moor.name}: a repeated check takes {found.warm_ms[moor.name]:.2f} ms of CPU a host")
    return found


def start(client: Client, moor: Moor) -> Figures:
    """Measure `moor --help`."""
    argv = (moor.words([], "--help").argv[0], "--help")
    return figures([client.run(Command(argv, moor.place)) for _ in range(5)])


def plan_one(client: Client, moor: Moor, host: str) -> Figures:
    """Measure `moor plan` of one host."""
    return figures([client.run(moor.words([host], "plan", "eight")) for _ in range(5)])


def history_ms(client: Client) -> tuple[float, float]:
    """Measure the record of a check in history: ms of CPU of the imports, and of the write a host."""
    argv = (sys.executable, "-m", "bench.recording", str(RECORDED))
    runs = [client.run(Command(argv, ROOT)) for _ in range(3)]
    if wrong := next((run for run in runs if run.code), None):
        raise MoorError(f"bench: history could not be written: {wrong.stderr[-800:]}")
    imports, writes = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return median(imports), median(writes)


def libraries(client: Client, moor: Moor) -> Figures:
    """Measure the import of the libraries that a check uses."""
    words = f"import atexit, gc; atexit.register(gc.freeze); import {LIBRARIES}, {OWN[moor.library]}"
    argv = (sys.executable, "-c", words)
    return figures([client.run(Command(argv, moor.place)) for _ in range(5)])


def library_ms(client: Client, moor: Moor, hosts: Sequence[str]) -> tuple[float, float]:
    """Measure moor's SSH library alone: ms of CPU of a login and of an empty command, without imports."""
    addresses = [moor.address(host) for host in hosts]
    argv = (sys.executable, "-m", "bench.logins", moor.library, str(moor.reach.key), "ops", *addresses)
    run = client.run(Command(argv, ROOT))
    if run.code:
        raise MoorError(f"bench: {moor.library} could not log in: {run.stderr[-800:]}")
    login, command = map(float, run.stdout.split())
    return login, command


def warm_ms(client: Client, moor: Moor, hosts: Sequence[str]) -> float:
    """Measure checks repeated by one process: ms of CPU per host, without the first check."""
    words = ("drift", "--runbook", "eight", "--watch", "1", "--output", "json")
    command = replace(
        moor.command(hosts), argv=(*moor.command(hosts).argv[:1], *words, "--site", str(moor.site(hosts)))
    )
    with TemporaryFile("w+") as stdout:
        with client.started(command, stdout, subprocess.PIPE) as process:
            used = list(readings(client, process))
        stdout.seek(0)
        reports = re.split(r"(?m)(?<=^\})\n", stdout.read().strip())
    if len(used) <= REPEATS:
        raise MoorError(f"bench: {moor.name} ended while it watched")
    for report in reports[: REPEATS + 1]:
        if wrong := moor.drifted(Run(0, report, "", 0, 0, 0), hosts):
            raise MoorError(f"bench: {moor.name} found drift while it watched, on {', '.join(sorted(wrong)[:9])}")
    return (used[-1] - used[0]) * 1000 / REPEATS / len(hosts)


def readings(client: Client, process: subprocess.Popen[str]) -> list[float]:
    """Return the CPU used until the end of each check, including the first."""
    used: list[float] = []
    for line in process.stderr or ():
        if line.startswith("checking again"):
            used.append(client.cpu_s())
            if len(used) > REPEATS:
                break
    return used


def applied(client: Client, lab: Lab, moor: Moor, hosts: Sequence[str], rounds: int) -> Pair:
    """Measure an apply that changes three files on every host, in turns with a check."""
    checks, applies = [], []
    for number in range(rounds):
        checks.append(once(client, moor, hosts))
        everywhere(lab, hosts, "".join(f"echo planted >>{path}\n" for path in CHANGED))
        run = client.run(moor.words(hosts, "apply", "eight", "--yes", "--output", "json"))
        changed = run.stdout.count('"status": "changed"')
        if run.code or changed != len(CHANGED) * len(hosts):
            raise MoorError(f"bench: apply ended with {run.code} after {changed} changes\n{run.stderr[-800:]}")
        tell(f"round {number + 1}: apply on {len(hosts)} hosts: {run.cpu_s * 1000 / len(hosts):.1f} ms of CPU a host")
        applies.append(run)
    return Pair(figures(checks), figures(applies), len(hosts))


def uploaded(client: Client, lab: Lab, moor: Moor, size_mb: int, rounds: int) -> Pair:
    """Measure the upload of one large file, in turns with scp."""
    source, folder, host = moor.place / "installer", UPLOADED.parent, next(iter(moor.reach.addresses))
    fill(source, size_mb)
    target = f"ops@{moor.address(host)}:{folder}/scp"
    commands = (
        Command(("scp", "-q", *options(moor.reach), str(source), target), moor.place),
        moor.words([host], "apply", "upload", "--yes"),
    )
    runs: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(rounds):
        for command, found in zip(commands, runs, strict=True):
            root(lab, host, f"rm -rf {folder}\nmkdir {folder}\nchown ops {folder}\nsync")
            run = client.run(command)
            if run.code:
                raise MoorError(f"bench: {command.argv[0]} could not upload: {(run.stdout + run.stderr)[-800:]}")
            tell(f"{Path(command.argv[0]).name}: {size_mb} MB in {run.wall_s:.1f} s, {run.peak_mb:.0f} MB of memory")
            found.append(run)
    root(lab, host, f"rm -rf {folder}")
    source.unlink()
    return Pair(figures(runs[0]), figures(runs[1]), size_mb)


def fill(path: Path, size_mb: int) -> None:
    """Write a file of random bytes, which cannot be compressed."""
    with Path("/dev/urandom").open("rb") as noise, path.open("wb") as file:
        for _ in range(size_mb):
            file.write(noise.read(1_000_000))
