"""The lab of the benchmark: light hosts, which are always removed at the end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import FrameType
from typing import NoReturn

from moor_lab.fleet import Fleet, Host
from moor_lab.lab import Lab

FIRST = 256  # the first host's place in the network
PACKAGES = ("file", "python3")  # Ansible's modules need the latter, BundleWrap the former, moor neither


def names(count: int) -> list[str]:
    """Return the names of the first ``count`` hosts."""
    return [f"h{number:04}" for number in range(1, count + 1)]


def aliases(count: int, hosts: int) -> list[str]:
    """Return ``count`` names for so many hosts: each host has its own, then one with -2, and so on."""
    own = names(min(count, hosts))
    layers = range(2, -(-count // len(own)) + 1)
    return [*own, *(f"{name}-{layer}" for layer in layers for name in own)][:count]


def host_of(name: str) -> str:
    """Return the host that a name stands for."""
    return name.partition("-")[0]


def light_fleet(count: int, number: int) -> Fleet:
    """Return a fleet of ``count`` hosts on the network 10.NUMBER.0.0/16."""
    network = IPv4Network(f"10.{number}.0.0/16")
    first = int(network[0]) + FIRST
    hosts = {
        name: Host(name=name, address=IPv4Address(first + place), profile="light", packages=PACKAGES)
        for place, name in enumerate(names(count))
    }
    return Fleet(name=f"b{number}", network=network, directory=Path(f"/var/lib/moor-lab-b{number}"), hosts=hosts)


@contextmanager
def running(count: int, number: int) -> Iterator[Lab]:
    """Boot ``count`` hosts, and always remove them at the end of the block."""
    former = signal.signal(signal.SIGTERM, _stop)
    lab = Lab(light_fleet(count, number))
    lab.down(secrets=True)  # of a run that was killed
    try:
        tell(f"booting {count} hosts")
        lab.up()
        yield lab
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lab.down(secrets=True)
        signal.signal(signal.SIGTERM, former)


@contextmanager
def link_of(lab: Lab, mbit: int) -> Iterator[None]:
    """Limit the link to the hosts to ``mbit`` Mbit/s during the block."""
    device = lab.network.machine_link
    shaped = f"tc qdisc add dev {device} root tbf rate {mbit}mbit burst 256kb latency 50ms"
    subprocess.run(shaped.split(), check=True)
    try:
        yield
    finally:
        subprocess.run(f"tc qdisc del dev {device} root".split(), check=True)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit("bench: terminated")


def tell(words: str) -> None:
    """Print progress on standard error."""
    print(words, file=sys.stderr, flush=True)
