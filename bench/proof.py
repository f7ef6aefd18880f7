"""Proof that each contender finds every kind of drift, planted on one host each, and reports no other host."""

from __future__ import annotations

from collections.abc import Sequence

from bench.checks import PLANTS
from bench.contenders.contender import Contender
from bench.hosts import root
from bench.measure import Client
from moor.errors import MoorError
from moor_lab.lab import Lab

HOSTS = 10  # three of them stay as they are


def prove(client: Client, contenders: Sequence[Contender], lab: Lab, hosts: Sequence[str]) -> None:
    """Raise MoorError unless every contender reports exactly the hosts with drift, and none before and after."""
    planted = dict(zip(hosts, PLANTS, strict=False))
    for contender in contenders:
        judge(client, contender, hosts, set())
    try:
        for host, plant in planted.items():
            root(lab, host, plant.plant)
        for contender in contenders:
            judge(client, contender, hosts, set(planted))
    finally:
        for host, plant in planted.items():
            root(lab, host, plant.mend)


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
