"""Proof that each contender finds every kind of drift, planted on one host each, and reports no other host."""

from __future__ import annotations

from collections.abc import Sequence

from bench.checks import PLANTS
from bench.contenders.contender import Contender
from bench.fleet import host_of, tell
from bench.hosts import root
from bench.measure import Client
from bench.rounds import Failures
from moor.errors import MoorError
from moor_lab.lab import Lab

HOSTS = 10  # three of them stay as they are


def proven(
    client: Client, contenders: Sequence[Contender], lab: Lab, hosts: Sequence[str], failures: Failures
) -> list[Contender]:
    """Return the contenders that report exactly the hosts with drift, and none before; the others fail."""
    tell("planting drift, which everybody has to see")
    planted = dict(zip(hosts, PLANTS, strict=False))
    right = judged(client, contenders, hosts, set(), failures)
    try:
        for host, plant in planted.items():
            root(lab, host_of(host), plant.plant)
        return judged(client, right, hosts, set(planted), failures)
    finally:
        for host, plant in planted.items():
            root(lab, host_of(host), plant.mend)


def judged(
    client: Client, contenders: Sequence[Contender], hosts: Sequence[str], planted: set[str], failures: Failures
) -> list[Contender]:
    """Return the contenders that report exactly the planted hosts; the others fail."""
    right: list[Contender] = []
    for contender in contenders:
        with failures.noted(f"{contender.name}, proof"):
            judge(client, contender, hosts, planted)
            right.append(contender)
    return right


def judge(client: Client, contender: Contender, hosts: Sequence[str], planted: set[str]) -> None:
    """Raise MoorError unless the contender reports exactly the planted hosts."""
    run = client.run(contender.command(hosts))
    found = contender.drifted(run, hosts)
    if found != planted:
        kinds = {host: plant.kind for host, plant in zip(hosts, PLANTS, strict=False)}
        missed = ", ".join(f"{host} ({kinds[host]})" for host in sorted(planted - found)) or "nothing"
        vain = ", ".join(sorted(found - planted)) or "nothing"
        said = (run.stdout + run.stderr).strip()[-2000:]
        raise MoorError(f"bench: {contender.name} is not right: missed {missed}; reported in vain {vain}\n{said}")
