"""What ends on a day, as bars: one for each certificate or robot, wherever the certificate lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from moor.history.model import ExpiryRow
from moor.output.pages.words import anchor, many, span
from moor.secrets.secret import mask

FULL_DAYS = 365.0  # a full bar
CERTIFICATE = "certificate:"
FIRST = ("certificate:served", "certificate:ca", "certificate:registry")  # the names that people know, best first


@dataclass(frozen=True)
class ExpiryBar:
    """One certificate or robot.

    Attributes:
        places: the other names and places of the same certificate
        days: whole days left, negative once it is over
        share: the length of its bar, 0 to 100
    """

    id: str
    anchor: str
    what: str
    places: tuple[str, ...]
    remedy: str
    expires: datetime
    days: int
    left: str
    urgency: str
    share: float


def expiry_bars(rows: Iterable[ExpiryRow], now: datetime, soon_days: int) -> list[ExpiryBar]:
    """Return a bar for each certificate and robot, the next one to end first.

    A certificate is listed for each place where it lies. Those that end in the same second and are renewed by the same
    command are one.
    """
    found: dict[tuple[object, ...], list[ExpiryRow]] = {}
    for row in rows:
        is_certificate = row.id.startswith(CERTIFICATE)
        key = (row.expires, row.remedy) if is_certificate else (row.id, row.host)
        found.setdefault(key, []).append(row)
    bars = [_bar(sorted(same, key=_familiar), now, soon_days) for same in found.values()]
    return sorted(bars, key=lambda bar: (bar.expires, bar.id))


def _familiar(row: ExpiryRow) -> tuple[int, str, str]:
    return FIRST.index(row.id) if row.id in FIRST else len(FIRST), row.id, row.host


def _bar(rows: Sequence[ExpiryRow], now: datetime, soon_days: int) -> ExpiryBar:
    row = rows[0]
    rest = row.expires - now
    days = rest.total_seconds() / 86400
    urgency = "over" if days <= 0 else "soon" if days <= soon_days else "later"
    left = f"over since {span(-rest)}" if days <= 0 else f"{many(int(days), 'day')} left"
    places = tuple(mask(other.what) for other in rows[1:])
    name = anchor("ends", f"{row.id}{row.host}")
    return ExpiryBar(
        row.id, name, mask(row.what), places, mask(row.remedy), row.expires, int(days), left, urgency, share(days)
    )


def share(days: float) -> float:
    """Return the length of a bar for a number of days left, 0 to 100."""
    return round(100 * min(max(days, 0.0), FULL_DAYS) / FULL_DAYS, 2)
