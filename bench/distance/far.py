"""The relay as a process of its own, in a control group of its own, and the hosts behind it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path

from bench.contenders.contender import ROOT
from bench.distance.connection import Target
from bench.distance.loop import Load
from bench.reach import Reach, write_known_hosts
from moor.errors import MoorError
from moor_lab.lab import Lab

WAIT_S = 30
NICE = -15  # above hosts and tools, since a real distance does not wait for a processor


class Relay:
    """A running relay.

    Attributes:
        port: that it listens on, at every address
    """

    def __init__(self, control: socket.socket, port: int) -> None:
        self._control, self.port = control, port

    def read_load(self) -> Load:
        """Return what it did since the last call."""
        self._control.sendall(b"\n")
        return Load(**json.loads(_line(self._control)))


@contextmanager
def relaying(targets: Mapping[str, Target], delay_s: float) -> Iterator[Relay]:
    """Run a relay during the block.

    Args:
        targets: where each address of this machine leads to
        delay_s: of one direction
    """
    ours, its = socket.socketpair()
    ours.settimeout(WAIT_S)
    argv = [sys.executable, "-m", "bench.distance.relay", str(its.fileno())]
    process = subprocess.Popen(argv, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, cwd=ROOT)
    its.close()
    try:
        with suppress(PermissionError):  # of tests that do not run as root
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        ours.sendall(json.dumps({"delay_s": delay_s, "targets": targets}).encode() + b"\n")
        yield Relay(ours, int(_line(ours)))
    finally:
        ours.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(WAIT_S)
        process.kill()
        process.wait()


@contextmanager
def far(lab: Lab, place: Path, round_trip_ms: float) -> Iterator[tuple[Reach, Relay]]:
    """Put a distance between this machine and all hosts of the lab, for those who use the returned addresses."""
    addresses = {name: near(host.address) for name, host in lab.fleet.hosts.items()}
    targets = {addresses[name]: (str(host.address), 22) for name, host in lab.fleet.hosts.items()}
    with relaying(targets, round_trip_ms / 2000) as relay:
        keys = {address: lab.machine(name).public_key for name, address in addresses.items()}
        known = write_known_hosts(place / f"known_hosts-{relay.port}", keys, relay.port)
        yield Reach(addresses, lab.key, known, relay.port), relay


def near(address: IPv4Address) -> str:
    """Return the loopback address that stands for a host: 127, and the last three octets of its own."""
    return ".".join(["127", *str(address).split(".")[1:]])


def _line(control: socket.socket) -> bytes:
    try:
        line = control.makefile("rb", buffering=0).readline()
    except OSError as error:
        raise MoorError(f"bench: the relay does not answer: {error}") from error
    if not line:
        raise MoorError("bench: the relay ended; what it printed is above")
    return line
