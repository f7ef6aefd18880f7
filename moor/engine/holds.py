"""Holds: what moor leaves alone on a host until a day, since somebody is working on it.

A hold is a file on the host, so that every controller sees it. It is read with the host's other resources, and covers
what is on the host itself; what is behind an API, such as a project in Harbor, belongs to no host.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from shlex import quote

from moor.formats.nesting import parse_json
from moor.resources.base import Probed, State

DIRECTORY = "/var/lib/moor/holds"
EVERYTHING = "*"  # the id of a hold of the whole host
TEXT = "holds"  # the field of the state


@dataclass(frozen=True, order=True)
class Hold:
    """One hold.

    Attributes:
        id: the resource's id, or a pattern; ``*`` for everything on the host.
        until: the last day on which it holds, in UTC.
        who: user and machine that made it.
    """

    id: str
    until: date
    who: str
    reason: str

    def covers(self, name: str) -> bool:
        """Return whether it covers a resource."""
        return fnmatchcase(name, self.id)

    @property
    def path(self) -> str:
        """Return the file that keeps it on the host; a second hold of the same id replaces the first."""
        return f"{DIRECTORY}/{sha256(self.id.encode()).hexdigest()[:16]}.json"

    @property
    def content(self) -> str:
        """Return the content of that file."""
        return json.dumps(asdict(self) | {"until": self.until.isoformat()}, sort_keys=True)

    def __str__(self) -> str:
        return f"{self.reason} ({self.who}, until {self.until})"


@dataclass(frozen=True)
class HeldHere(Probed):
    """The holds that a host keeps, as a resource that is always as it should be."""

    directory: str = DIRECTORY

    @property
    def id(self) -> str:
        return "holds:moor"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        where = quote(self.directory)
        return f'for f in {where}/*.json; do [ ! -f "$f" ] || {{ cat "$f" && echo; }}; done'

    def actual(self, output: str) -> State | None:
        return {TEXT: output} if output else None


HELD_HERE = HeldHere()


def today() -> date:
    """Return the day, in UTC."""
    return datetime.now(UTC).date()


def holds_in(state: State | None, day: date) -> tuple[Hold, ...]:
    """Return the holds of a host's state that have not ended."""
    lines = str((state or {}).get(TEXT) or "").splitlines()
    return tuple(sorted(hold for hold in map(_read, filter(str.strip, lines)) if hold.until >= day))


def _read(line: str) -> Hold:
    """Return the hold of a line; one that cannot be read holds everything, since somebody meant to hold something."""
    try:
        found = parse_json(line)
        return Hold(str(found["id"]), date.fromisoformat(found["until"]), str(found["who"]), str(found["reason"]))
    except (ValueError, KeyError, TypeError):
        return Hold(EVERYTHING, date.max, "unknown", f"cannot read a file in {DIRECTORY}; moor release removes it")
