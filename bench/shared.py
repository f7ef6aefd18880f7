"""Checks whose hosts Dask workers share: what they cost, and from which number of hosts on they are quicker."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.contenders.moor import Moor
from bench.fit import Fit, fit
from bench.fleet import tell
from bench.measure import JOIN, Client
from bench.rounds import Failures, once
from moor.errors import MoorError
from moor_lab.cgroups import Cgroup

WORKERS, START_S = 2, 60
MOST_HOSTS = 1_000_000  # a fleet that is not to be had


@dataclass(frozen=True)
class Shared:
    """Checks by workers that had made one before, by number of hosts.

    Attributes:
        controller_s: CPU of the command and of the scheduler, which workers do not share
        workers_s: CPU of all workers together
    """

    workers: int
    controller_s: dict[int, float]
    workers_s: dict[int, float]


def measure_shared(
    client: Client, moor: Moor, sizes: Sequence[int], hosts: Sequence[str], failures: Failures
) -> Shared:
    """Measure a check at each size, with a scheduler and workers of its own."""
    found = Shared(WORKERS, {}, {})
    for size in sizes:
        with failures.noted(f"workers, {size} hosts"):
            controller_s, workers_s = measure_one(client, moor, hosts[:size])
            found.controller_s[size], found.workers_s[size] = controller_s, workers_s
            tell(f"workers, {size} hosts: controller {controller_s:.2f} s of CPU, workers {workers_s:.2f} s")
    return found


def measure_one(client: Client, moor: Moor, hosts: Sequence[str]) -> tuple[float, float]:
    """Return the CPU of the controller, scheduler included, and of the workers in their second check."""
    place = moor.place / f"dask-{len(hosts)}"
    place.mkdir()
    port = free_port()
    scheduler = f"tcp://127.0.0.1:{port}"
    one = replace(moor, place=place, scheduler=scheduler)
    one.prepare(hosts)
    quiet = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    with ExitStack() as stack:
        groups = [Cgroup(client.group.path.with_name(f"{client.group.path.name}-{name}")) for name in ("dask", "work")]
        argv = ("scheduler", "--host", "127.0.0.1", "--port", str(port), *quiet)
        stack.enter_context(started(groups[0], argv, place))
        limits = ("--nworkers", str(WORKERS), "--nthreads", "4", "--memory-limit", "0")
        stack.enter_context(started(groups[1], ("worker", scheduler, *limits, *quiet), place))
        wait_for_workers(scheduler)
        once(client, one, hosts)  # imports moor in the workers
        before = [cpu_of(group) for group in groups]
        run = once(client, one, hosts)
        of_scheduler, of_workers = (cpu_of(group) - former for group, former in zip(groups, before, strict=True))
    return run.cpu_s + of_scheduler, of_workers


@contextmanager
def started(group: Cgroup, words: Sequence[str], place: Path) -> Iterator[None]:
    """Run a program of Dask in a group during the block."""
    group.kill()
    group.path.mkdir(exist_ok=True)
    argv = ["sh", "-c", JOIN, str(group.path), str(Path(sys.executable).with_name("dask")), *words]
    with (place / f"{words[0]}.log").open("w") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place)
    try:
        yield
    finally:
        group.kill()
        process.wait()
        group.remove()


def wait_for_workers(scheduler: str) -> None:
    """Wait until all workers are there."""
    code = (
        "import sys; from distributed import Client; "
        f"Client(sys.argv[1], timeout={START_S}).wait_for_workers({WORKERS}, timeout={START_S})"
    )
    argv = [sys.executable, "-c", code, scheduler]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=3 * START_S, check=False)
    if done.returncode:
        raise MoorError(f"bench: Dask's workers did not start: {done.stderr.strip()[-400:]}")


def cpu_of(group: Cgroup) -> float:
    """Return the seconds of CPU that a group has used."""
    stat = dict(line.split() for line in (group.path / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1e6


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def pays_from(alone: Fit, shared: Shared, workers: int) -> int | None:
    """Return from how many hosts on a check by so many workers ends sooner than one process; None if it never does.

    Each worker has a processor of its own, and no host keeps anybody waiting: what is compared is CPU. The controller's
    and the scheduler's share is done by one after the other.

    Args:
        alone: the CPU of checks by one process, in ms
    """
    controller, working = line_of(shared.controller_s), line_of(shared.workers_s)
    if controller is None or working is None:
        return None
    gained = alone.each - controller.each - working.each / workers
    fixed = controller.fixed + max(0.0, working.fixed) / shared.workers - alone.fixed
    if gained <= 0:
        return None
    hosts = max(1, -int(-fixed // gained))
    return hosts if hosts < MOST_HOSTS else None


def line_of(seconds: Mapping[int, float]) -> Fit | None:
    """Return the line through seconds over numbers of hosts, in ms."""
    return fit({size: spent * 1000 for size, spent in seconds.items()})
