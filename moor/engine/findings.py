"""Findings about single hosts or the whole fleet, and dates on which something expires."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from moor.errors import ErrorKind

FindingState = Literal["drift", "failed", "unexamined", "finding"]
EXAMINED = "host:examined"  # the id of the finding for a host that was not examined


@dataclass
class Finding:
    """One fault of a host or of the fleet.

    Attributes:
        id: ``kind:name``, as of a resource; id and host are the same in every run that finds the fault.
        what: one sentence, or a resource's diff, without secrets.
        remedy: the command that mends it; empty if there is none.
        host: empty for the whole fleet.
        state: ``unexamined`` if it could not be read, so that it is unknown whether there is a fault.
        stage: the task that found it.
        waived: reason, owner and last day of the waiver that covers it; empty if none does.
        first_seen: ISO 8601, UTC, from history; empty if unknown.
        error_kind: the kind of the error, for what failed or was not examined.
    """

    id: str
    what: str
    remedy: str = ""
    host: str = ""
    state: FindingState = "finding"
    stage: str = ""
    waived: str = ""
    first_seen: str = ""
    error_kind: ErrorKind | None = None


@dataclass(frozen=True)
class Expiry:
    """A certificate or robot account with the date on which it expires.

    Attributes:
        id: such as ``certificate:served`` or ``robot-expiry:demo+puller``.
        expires: ISO 8601, UTC.
        what: its name, for people.
        host: empty for the whole fleet.
        remedy: the command that renews it.
        stage: the task that found it.
    """

    id: str
    expires: str
    what: str
    host: str = ""
    remedy: str = ""
    stage: str = ""


def expiry_findings(expiries: Iterable[Expiry], within_days: int, now: datetime | None = None) -> list[Finding]:
    """Return a finding for everything that has expired or expires within ``within_days`` of ``now``."""
    moment = now or datetime.now(UTC)
    limit = moment + timedelta(days=within_days)
    soon = [expiry for expiry in expiries if datetime.fromisoformat(expiry.expires) <= limit]
    return [Finding(e.id, _ends(e, moment), e.remedy, e.host, stage=e.stage) for e in soon]


def _ends(expiry: Expiry, now: datetime) -> str:
    end = datetime.fromisoformat(expiry.expires)
    verb = "expired" if end <= now else "expires"
    return f"{expiry.what} {verb} on {end:%Y-%m-%d %H:%M} UTC"
