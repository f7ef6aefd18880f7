"""What a check costs the host that is checked: CPU and new processes, sshd's own included."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.contenders.contender import Contender
from bench.fleet import tell
from bench.measure import Client
from bench.rounds import Failures, once
from moor_lab.lab import Lab

LAST_PID = "/proc/sys/kernel/ns_last_pid"


@dataclass(frozen=True)
class HostCost:
    """The medians of what one check took of one host.

    Attributes:
        forks: processes and threads that were started
    """

    cpu_ms: float
    forks: float


@dataclass(frozen=True)
class Spent:
    """What a host has used since it was booted."""

    cpu_s: float
    last_pid: int


def host_costs(
    client: Client, lab: Lab, contenders: Sequence[Contender], hosts: Sequence[str], rounds: int, failures: Failures
) -> dict[str, HostCost]:
    """Measure every contender on some hosts, in turns."""
    found: dict[str, list[HostCost]] = {}
    for _ in range(rounds):
        for contender in contenders:
            with failures.noted(f"{contender.name}, cost of the host"):
                found.setdefault(contender.name, []).append(cost(client, lab, contender, hosts))
    return {
        name: HostCost(median(one.cpu_ms for one in costs), median(one.forks for one in costs))
        for name, costs in found.items()
        if costs
    }


def cost(client: Client, lab: Lab, contender: Contender, hosts: Sequence[str]) -> HostCost:
    """Measure one run."""
    before = [spent(lab, host) for host in hosts]
    once(client, contender, hosts)
    after = [spent(lab, host) for host in hosts]
    cpu_s = sum(late.cpu_s - early.cpu_s for early, late in zip(before, after, strict=True))
    forks = sum(late.last_pid - early.last_pid for early, late in zip(before, after, strict=True))
    found = HostCost(cpu_s * 1000 / len(hosts), forks / len(hosts) - 1)  # one is the process that looks
    tell(f"{contender.name}: {found.cpu_ms:.1f} ms of CPU and {found.forks:g} processes of each host")
    return found


def spent(lab: Lab, host: str) -> Spent:
    """Read what a host has used; in its own PID namespace numbers are given out one after the other."""
    machine = lab.machine(host)
    stat = dict(line.split() for line in (machine.cgroup.path / "host" / "cpu.stat").read_text().splitlines())
    argv = ["nsenter", f"--target={machine.leader()}", "--pid", "--mount", "cat", LAST_PID]
    last = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return Spent(int(stat["usage_usec"]) / 1e6, int(last))
