"""A lab for the tests: the shipped fleet on a network, in a directory and under a name of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from moor_lab.lab import Lab
from tests.harness.labs import MOORED, one_of_labs

if TYPE_CHECKING:
    from tests.lab.moored import Moor


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have a fixture learn at its end whether the test has passed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


class Ssh(Protocol):
    """Runs a command on a host as an operator would, and gives what ssh gave."""

    def __call__(self, name: str, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]: ...


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Yield the whole fleet, running; torn down whatever happens."""
    from tests.lab.moored import fleet_running

    with fleet_running("shared", told=_tell) as running:
        yield running


@pytest.fixture(scope="session")
def ssh(lab: Lab) -> Ssh:
    """Return the operator's way in to the hosts of ``lab``."""

    def connect(name: str, command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        argv = [*lab.ssh_argv(name), command]
        argv[1:1] = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=3"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)

    return connect


@pytest.fixture(scope="session")
def guarded() -> Iterator[Lab]:
    """Yield the registry's host and a stranger, with every firewall and every program that configures a network."""
    from tests.lab.networked import guarded_host

    with guarded_host("firewall") as running:
        yield running


@dataclass(frozen=True)
class Moored:
    """A fleet to which the whole of site was applied once; who breaks something mends it again."""

    lab: Lab
    moor: Moor


@pytest.fixture(scope="session")
def moored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moored]:
    """Yield a fleet with a workload that runs from the registry, shared by all tests that start from there."""
    from tests.lab.moored import MoorHere, fleet_running, site_for

    with one_of_labs(*MOORED) as name, fleet_running(name) as running:
        moor = site_for(running, tmp_path_factory.mktemp("moored"))
        moor.applied()
        yield Moored(running, MoorHere(running, moor.site, moor.said))
