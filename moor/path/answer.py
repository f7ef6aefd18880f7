"""The answer to ``moor path``: the ways of some hosts to the registry and back, now and after the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from moor.path.trace import Way


@dataclass(frozen=True)
class WayPair:
    """The way of one host to one address of the registry, and the way of the answers.

    Attributes:
        back: None if the registry's host could not be asked how it sends answers
    """

    out: Way
    back: Way | None = None

    @property
    def verdict(self) -> str:
        """Return the worse of both."""
        verdicts = [self.out.verdict, *([self.back.verdict] if self.back else [])]
        return next(one for one in ("shut", "unsure", "open") if one in verdicts)


@dataclass(frozen=True)
class HostWay:
    """The ways of one host to one address of the registry.

    Attributes:
        to: the registry, as it is shown
    """

    host: str
    to: str
    now: WayPair
    planned: WayPair

    @property
    def fits(self) -> bool:
        """Return whether the registry is reached, now and after the plan."""
        return self.now.verdict == self.planned.verdict == "open"


@dataclass(frozen=True)
class PathAnswer:
    """The ways of all hosts that were asked for.

    Attributes:
        changed: by device, what the plan opens and shuts there
        unread: hosts and devices that could not be read, and why
    """

    ways: Sequence[HostWay]
    changed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
