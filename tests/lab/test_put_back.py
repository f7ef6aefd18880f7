"""What a lab changes of the machine, it puts back, whatever ended it; no other lab may run meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from moor_lab.cgroups import cgroup2_root
from moor_lab.fleet import Host
from moor_lab.lab import Lab
from moor_lab.limits import PROC_SYS, WANTED
from tests.harness.labs import fleet_of_lab

pytestmark = [pytest.mark.lab, pytest.mark.alone]


@pytest.fixture
def other() -> Iterator[Lab]:
    """Yield a lab of one host, torn down whatever happens."""
    running = Lab(fleet_of_lab("put-back").only("ws1"))
    try:
        yield running
    finally:
        running.down(secrets=True)


def test_a_host_that_joins_later_is_known_to_all_and_remembered(other: Lab) -> None:
    other.up()
    network = other.fleet.network
    light = Host(name="late", address=IPv4Address(int(network[0]) + 77), suite="trixie", profile="light")
    other.add(light)
    again = Lab(fleet_of_lab("put-back").only("ws1"))
    assert [status.state for status in again.status()] == ["running", "running"]
    assert again.exec("ws1", ["getent", "hosts", "late"]).split() == [str(light.address), "late"]
    assert again.exec("late", ["getent", "hosts", "ws1"])
    assert f"late,{light.address} ssh-ed25519 " in again.known_hosts.read_text()


def test_down_leaves_nothing_of_the_machine_changed(other: Lab) -> None:
    before = _machine()
    other.up()
    assert _machine() != before
    other.down(secrets=True)
    assert _machine() == before
    assert not _processes(str(other.directory))
    assert not other.directory.exists()


def test_a_lab_whose_keeper_and_network_were_killed_is_put_back_by_down(other: Lab) -> None:
    before = _machine()
    other.up()
    other.cgroup.kill()
    other.down(secrets=True)
    assert _machine() == before


def test_down_keeps_the_passwords_unless_told(other: Lab) -> None:
    other.up()
    password = (other.directory / "secrets/ca-passphrase").read_text()
    other.down()
    assert [path.name for path in other.directory.iterdir()] == ["secrets"]
    other.up()
    assert (other.directory / "secrets/ca-passphrase").read_text() == password


@dataclass(frozen=True)
class Snapshot:
    """What a lab could change of the machine."""

    links: list[str]
    mounts: str
    limits: dict[str, str]
    cgroups: list[str]


def _machine() -> Snapshot:
    root = cgroup2_root()
    assert root is not None
    return Snapshot(
        links=sorted(os.listdir("/sys/class/net")),
        mounts=Path("/proc/self/mounts").read_text(),
        limits={name: (PROC_SYS / name).read_text() for name in WANTED if (PROC_SYS / name).exists()},
        cgroups=sorted(path.name for path in root.iterdir() if path.is_dir()),
    )


def _processes(word: str) -> list[str]:
    """Return the processes whose environment or command line mentions ``word``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue  # ended meanwhile
        if word.encode() in text:
            found.append(text.decode(errors="replace"))
    return found
