"""What is not as it should be, in one shape, whether a host's resource shows it or only the fleet as a whole does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from moor.errors import ErrorKind

FindingState = Literal["drift", "failed", "unexamined", "finding"]
EXAMINED = "host:examined"  # the id of the finding that a host was not examined


@dataclass
class Finding:
    """One thing that is not as it should be.

    Attributes:
        id: ``kind:name`` as a resource's; with ``host`` it is the same in every run that finds it
        what: one sentence, or a resource's diff; never a secret
        remedy: a command, where there is one
        host: empty where it concerns the whole fleet
        state: ``unexamined``: nobody knows, since it could not be read
        stage: the task that looks for it
        waived: reason, owner and last day of the waiver that covers it; empty where none does
        first_seen: ISO 8601, UTC, from history; empty where history does not know
        error_kind: what sort of trouble it is, of what failed or was not examined
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
    """Something that ends by itself: a certificate, a robot account.

    Attributes:
        id: ``certificate:served``, ``robot-expiry:demo+puller``
        expires: ISO 8601, UTC
        what: whose it is, for people
        host: empty where it concerns the whole fleet
        remedy: what renews it
        stage: the task that looks for it
    """

    id: str
    expires: str
    what: str
    host: str = ""
    remedy: str = ""
    stage: str = ""


def expiry_findings(expiries: Iterable[Expiry], within_days: int, now: datetime | None = None) -> list[Finding]:
    """Return a finding for everything that has ended or ends within ``within_days``."""
    moment = now or datetime.now(UTC)
    limit = moment + timedelta(days=within_days)
    soon = [expiry for expiry in expiries if datetime.fromisoformat(expiry.expires) <= limit]
    return [Finding(e.id, _ends(e, moment), e.remedy, e.host, stage=e.stage) for e in soon]


def _ends(expiry: Expiry, now: datetime) -> str:
    end = datetime.fromisoformat(expiry.expires)
    verb = "expired" if end <= now else "expires"
    return f"{expiry.what} {verb} on {end:%Y-%m-%d %H:%M} UTC"
