"""What was read of a host in this run, so that nothing is read twice while nothing changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nornir.core.inventory import Host

from moor.resources.base import State


@dataclass
class Observation:
    """The states that were read, by resource id, and the paths that a dry run would have changed by now."""

    states: dict[str, State | None] = field(default_factory=dict)
    planned: set[str] = field(default_factory=set)

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Name what has not been read yet."""
        return [name for name in ids if name not in self.states]


KEY = "moor_observation"  # in the host's data; no section is called so


def observation_of(host: Host) -> Observation:
    """Give the host's observation, empty at first. One task a host runs at a time, so no lock is needed."""
    observation: Observation = host.data.setdefault(KEY, Observation())
    return observation


def forget(host: Host) -> None:
    """Drop what was read: something changed on the host, or a new run begins."""
    host.data.pop(KEY, None)
