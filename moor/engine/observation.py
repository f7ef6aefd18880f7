"""What was read of a host in this run, so that nothing is read twice while nothing changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count

from nornir.core.inventory import Host

from moor.resources.base import State

_numbers = count(1)


@dataclass
class Observation:
    """The states that were read, by resource id, and the paths that a dry run would have changed by now.

    Attributes:
        whole: all that the run's stages want of the host was read by script
        number: of the run on that host, counted in this process; a runner beyond it knows a run by that again
    """

    states: dict[str, State | None] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)
    whole: bool = False
    number: int = field(default_factory=lambda: next(_numbers))

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Name what has not been read yet."""
        return [name for name in ids if name not in self.states]


_KEY = "moor_observation"  # in the host's data, which a host keeps whatever Nornir it is reached by


def current_observation(host: Host) -> Observation | None:
    """Return the observation of the run that is under way; None where none is."""
    found: Observation | None = host.data.get(_KEY)
    return found


def begin_observation(host: Host) -> None:
    """Have what is read of the host from now on kept for the tasks that follow, since a run begins."""
    host.data[_KEY] = Observation()


def observation_of(host: Host) -> Observation:
    """Return the host's observation; outside of a run a new one, as nobody knows what happened since the last task.

    One task a host runs at a time, so no lock is needed.
    """
    return current_observation(host) or Observation()


def discard_observation(host: Host) -> None:
    """Drop what was read in this run: something changes on the host."""
    if seen := current_observation(host):
        host.data[_KEY] = Observation(number=seen.number)


def end_observation(host: Host) -> None:
    """Keep nothing any longer, since the run is over."""
    host.data.pop(_KEY, None)
