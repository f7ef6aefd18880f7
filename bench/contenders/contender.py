"""What the benchmark asks of every tool."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Command, Run
from moor_lab.lab import Lab

WORKERS = 20  # hosts at once, for everybody
ROOT = Path(__file__).parents[2]
OWN = ROOT / ".venv-bench" / "bin"


def release(package: str) -> str:
    """Name the release of a package of the benchmark's own environment."""
    argv = [str(OWN / "python"), "-c", f"from importlib.metadata import version; print(version({package!r}))"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Contender(ABC):
    """A tool with its files in ``place``, a directory of its own.

    Attributes:
        largest: the most hosts that it is measured on; what costs half a second a host is not worth a thousand
    """

    lab: Lab
    place: Path
    largest: int = 1000

    @property
    @abstractmethod
    def name(self) -> str:
        """Name it as in the tables."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Name the release that is measured."""

    @abstractmethod
    def prepare(self, hosts: Sequence[str]) -> None:
        """Write what the tool needs to check these hosts."""

    @abstractmethod
    def command(self, hosts: Sequence[str]) -> Command:
        """Return the command that checks these hosts, once they are prepared."""

    @abstractmethod
    def drifted(self, run: Run, hosts: Sequence[str]) -> set[str]:
        """Read from what the tool said which hosts are not as they should be; raises MoorError."""

    def address(self, host: str) -> str:
        """Return where a host is."""
        return str(self.lab.fleet.hosts[host].address)
