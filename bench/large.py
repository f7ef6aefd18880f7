"""A fleet that is larger than the lab: each host has several addresses, and a name for each of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from bench.contenders.moor import Moor
from bench.fleet import aliases, host_of, tell
from bench.measure import Client
from bench.proof import HOSTS, proven
from bench.reach import Reach, write_known_hosts
from bench.rounds import Failures, Figures, figures, once, spent
from moor.errors import InputError, MoorError
from moor_lab.lab import Lab

STEP = 1024  # between the addresses of one host; more than the lab's hosts
MOST_NAMES = 50  # of one host


@dataclass(frozen=True)
class Large:
    """A check of a large fleet by moor alone.

    Attributes:
        names: that were checked
        hosts: that they belong to
    """

    names: int
    hosts: int
    figures: Figures


def measure_large(client: Client, lab: Lab, place: Path, names: int, failures: Failures) -> Large:
    """Measure one check of so many names."""
    found = aliases(names, len(lab.fleet.hosts))
    moor = Moor(named(lab, place, found), place, largest=names)
    some = found[-HOSTS:]
    moor.prepare(some)
    moor.prepare(found)
    if not proven(client, [moor], lab, some, failures):
        raise MoorError("bench: moor did not see the drift in the large fleet")
    run = once(client, moor, found)
    tell(f"moor, {names} names: {spent(run, names)}")
    return Large(names, len(lab.fleet.hosts), figures([run]))


def named(lab: Lab, place: Path, found: Sequence[str]) -> Reach:
    """Give the hosts the addresses of all names; return how they are reached."""
    if len(found) > MOST_NAMES * len(lab.fleet.hosts):
        raise InputError(f"BENCH_FLEET: at most {MOST_NAMES} names a host, and there are {len(lab.fleet.hosts)} hosts")
    addresses = {name: str(lab.fleet.hosts[host_of(name)].address + STEP * layer_of(name)) for name in found}
    further = [(host_of(name), addresses[name]) for name in found if layer_of(name)]
    for host, pairs in groupby(sorted(further), key=itemgetter(0)):
        add_addresses(lab, host, [address for _, address in pairs])
    keys = {addresses[name]: lab.machine(host_of(name)).public_key for name in found}
    return Reach(addresses, lab.key, write_known_hosts(place / "known_hosts", keys))


def layer_of(name: str) -> int:
    """Return 0 for a host's own name, 1 for its second, and so on."""
    return int(name.partition("-")[2] or 1) - 1


def add_addresses(lab: Lab, host: str, addresses: Sequence[str]) -> None:
    """Add addresses to a host's link, by this machine's ip."""
    lines = "".join(f"addr replace {address}/{lab.fleet.network.prefixlen} dev eth0\n" for address in addresses)
    argv = ["nsenter", f"--target={lab.machine(host).leader()}", "--net", "ip", "-batch", "-"]
    subprocess.run(argv, input=lines, text=True, capture_output=True, check=True)
