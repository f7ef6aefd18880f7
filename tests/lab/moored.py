"""moor as a user types it, on a lab's fleet: a site of its own, moved to that fleet, and what every command said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from moor.secrets import masking
from moor_lab.artifacts import provide
from moor_lab.fleet import Fleet
from moor_lab.lab import Lab
from moor_lab.site import copy_shipped_site
from tests.harness.commands import Done, moor, moor_here
from tests.harness.labs import fleet_of_lab

SHIPPED = Path(__file__).parents[2]


@dataclass
class Moor:
    """The command line on a site of its own; everything that it ever printed is in ``said``."""

    lab: Lab
    site: Path
    said: list[str] = field(default_factory=list)

    def __call__(self, *words: str, timeout_s: float = 400) -> Done:
        done = moor(self.site, *words, limit_s=timeout_s)
        self.said.append(done.said)
        return done

    def planned(self, *words: str) -> list[str]:
        """List the ids that a plan would change."""
        return [identity for _, identity in self.drifting(*words)]

    def drifting(self, *words: str) -> list[tuple[str, str]]:
        """List what a plan would change: the host, and the id there."""
        hosts = self("plan", "--output", "json", *words).report["hosts"].items()
        return [(name, one["id"]) for name, host in hosts for one in host["resources"] if one["status"] == "drift"]

    def applied(self, *words: str) -> str:
        done = self("apply", "--yes", *words)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return done.stdout


class MoorHere(Moor):
    """The command line within the test's process, which saves the start of Python and the imports of each command."""

    def __call__(self, *words: str, timeout_s: float = 400) -> Done:
        if "-v" in words:  # pytest would take the log
            return super().__call__(*words, timeout_s=timeout_s)
        with masking.fresh_masker():  # no command may lean on what the one before it has learned
            done = moor_here(self.site, *words)
        self.said.append(done.said)
        return done


@contextmanager
def fleet_running(
    name: str, told: Callable[[str], None] = lambda _: None, of: Callable[[Fleet], Fleet] = lambda fleet: fleet
) -> Iterator[Lab]:
    """Yield a bare fleet on a network of its own, with Harbor's installer in its directory; gone at the end.

    Args:
        name: one of the labs of tests
        told: called with a message about slow steps
        of: makes another fleet of the shipped one
    """
    fleet = of(fleet_of_lab(name))
    Lab(fleet).down(secrets=True)  # of a run that was killed
    running = Lab(fleet, progress=told)
    try:
        provide(running)
        running.up()
        yield running
    finally:
        running.down(secrets=True)


def site_for(lab: Lab, site: Path) -> Moor:
    """Return the shipped site, moved to the lab's fleet."""
    return Moor(lab, copy_shipped_site(lab, site))
