"""The interface of every measured tool."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Command, Run
from bench.reach import Reach

WORKERS = 20  # hosts at once, for everybody but moor, which finds its own number
ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv-bench" / "bin"


def release(package: str) -> str:
    """Return the version of a package in the benchmark's environment."""
    argv = [str(OWN / "python"), "-c", f"from importlib.metadata import version; print(version({package!r}))"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Contender(ABC):
    """A tool with its files in the directory ``place``.

    Attributes:
        largest: the most hosts that it is measured on; what costs half a second a host is not worth a thousand
        rounds: how often it is measured, at most
        at_once: hosts that it works on at the same time
    """

    reach: Reach
    place: Path
    largest: int = 1000
    rounds: int = 100
    at_once: int = WORKERS

    @property
    @abstractmethod
    def name(self) -> str:
        """Return its name in the tables."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Return the measured version."""

    @abstractmethod
    def prepare(self, hosts: Sequence[str]) -> None:
        """Write the files that the tool needs to check these hosts."""

    @abstractmethod
    def command(self, hosts: Sequence[str]) -> Command:
        """Return the command that checks these hosts; call ``prepare`` first."""

    @abstractmethod
    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        """Return the hosts with drift according to the tool's output; raise MoorError if it failed."""

    def address(self, host: str) -> str:
        """Return the address of a host."""
        return self.reach.addresses[host]
