"""A lab for the tests: the shipped fleet on a network, in a directory and under a name of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from moor_lab.fleet import Fleet, load_fleet
from moor_lab.lab import Lab

if TYPE_CHECKING:
    from tests.lab.moored import Moor


class Ssh(Protocol):
    """Runs a command on a host as an operator would, and gives what ssh gave."""

    def __call__(self, name: str, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]: ...


def fleet_for_tests(offset: int = 0) -> Fleet:
    """The shipped fleet on 10.N.0.0/16, N being 78 or MOOR_LAB_NETWORK, by which two test runs at once keep apart.

    Args:
        offset: for one more lab in the same run.
    """
    number = int(os.environ.get("MOOR_LAB_NETWORK", "78")) + offset
    return load_fleet().moved(IPv4Network(f"10.{number}.0.0/16"), f"t{number}", Path(f"/var/lib/moor-lab-t{number}"))


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Yield the whole fleet, running; torn down whatever happens."""
    from tests.lab.moored import fleet_running

    with fleet_running(told=_tell) as running:
        yield running


@pytest.fixture(scope="session")
def ssh(lab: Lab) -> Ssh:
    """Return the operator's way in to the hosts of ``lab``."""

    def connect(name: str, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        argv = [*lab.ssh_argv(name), command]
        argv[1:1] = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=3"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)

    return connect


@dataclass(frozen=True)
class Moored:
    """A fleet to which the whole of site was applied once; who breaks something mends it again."""

    lab: Lab
    moor: Moor


@pytest.fixture(scope="session")
def moored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moored]:
    """Yield a fleet with a workload that runs from the registry, shared by all tests that start from there."""
    from tests.lab.moored import fleet_running, site_for

    with fleet_running(60) as running:
        moor = site_for(running, tmp_path_factory.mktemp("moored"))
        moor.applied()
        yield Moored(running, moor)
