"""The states read from a host during a run, kept until something on the host changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from nornir.core.inventory import Host

from moor.resources.base import State

if TYPE_CHECKING:
    from moor.engine.holds import Hold

_numbers = count(1)


@dataclass
class Observation:
    """The states of one host's resources, by resource id.

    Attributes:
        planned: paths that earlier stages of a dry run would have changed.
        whole: every resource of the run's stages was read by script.
        same: a plan found nothing to change, also of what only an API tells; None if none was made.
        holds: what the host says is to be left alone; None until that was looked at.
        number: identifies the host's run within this process, so that a worker recognises it.
    """

    states: dict[str, State | None] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)
    whole: bool = False
    same: bool | None = None
    holds: tuple[Hold, ...] | None = None
    number: int = field(default_factory=lambda: next(_numbers))

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Return those of ``ids`` that have not been read yet."""
        return [name for name in ids if name not in self.states]


_KEY = "moor_observation"  # in the host's data, which every Nornir over this host shares


def current_observation(host: Host) -> Observation | None:
    """Return the host's observation in the current run; None outside of a run."""
    found: Observation | None = host.data.get(_KEY)
    return found


def begin_observation(host: Host) -> None:
    """Begin a run on the host: keep what is read for the tasks that follow."""
    host.data[_KEY] = Observation()


def observation_of(host: Host) -> Observation:
    """Return the host's observation; outside of a run a new one, since the host may have changed since the last task.

    One task a host runs at a time, so no lock is needed.
    """
    return current_observation(host) or Observation()


def discard_observation(host: Host) -> None:
    """Forget the states that were read, since something on the host is about to change."""
    if seen := current_observation(host):
        host.data[_KEY] = Observation(number=seen.number, holds=seen.holds)


def end_observation(host: Host) -> None:
    """End the run on the host: keep nothing that was read."""
    host.data.pop(_KEY, None)
