"""Maintenance windows: when a host may be changed; pure.

Times are those of a clock on the wall in the zone of the windows. Where the clock is put back, an hour comes twice and
a window lasts through both; where it is put forward, a window that lies in the hour that is left out does not open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Protocol
from zoneinfo import ZoneInfo

from nornir.core.inventory import Host
from pydantic import Field, model_validator

from moor.settings.section import StrictModel

SECTION = "maintenance"  # of data
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = timedelta(days=1)
AHEAD = 15  # days in which every window opens, also if a change of the clock hides it once
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Begin = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
End = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class Window(StrictModel):
    """A time of the week in which a host may be changed.

    Attributes:
        days: the days on which it opens: ``mon``, ``tue``, ``wed``, ``thu``, ``fri``, ``sat``, ``sun``
        opens: ``HH:MM``, when it opens
        closes: ``HH:MM``, when it closes, up to ``24:00``; a time before that of ``from`` is of the following day
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    opens: Annotated[Begin, Field(alias="from")]
    closes: Annotated[End, Field(alias="to")]

    @model_validator(mode="after")
    def _lasts(self) -> Window:
        if self.opens == self.closes:
            raise ValueError('from and to are the same; a whole day is from: "00:00", to: "24:00"')
        return self

    def on(self, day: date, zone: ZoneInfo) -> Opening | None:
        """Return when it is open, if it opens on a day; None if it does not."""
        if DAYS[day.weekday()] not in self.days:
            return None
        over = self.closes == "24:00" or self.closes < self.opens
        closes = time(0) if self.closes == "24:00" else time.fromisoformat(self.closes)
        begin = datetime.combine(day, time.fromisoformat(self.opens), zone)
        end = datetime.combine(day + DAY_S if over else day, closes, zone).replace(fold=1)
        found = Opening(begin.astimezone(UTC), end.astimezone(UTC))
        return found if found.begin < found.end else None


@dataclass(frozen=True, order=True)
class Opening:
    """The time from ``begin`` to ``end``, both in UTC."""

    begin: datetime
    end: datetime

    def shown(self, zone: ZoneInfo) -> str:
        """Return both times as a person reads them."""
        begin, end = self.begin.astimezone(zone), self.end.astimezone(zone)
        until = f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%a %H:%M}"
        return f"{begin:%a %Y-%m-%d %H:%M} to {until} ({zone.key})"


class HasWindows(Protocol):
    """The settings of a host that has maintenance windows."""

    @property
    def windows(self) -> Sequence[Window]:
        """Return the windows; none if the host may be changed at any time."""

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone of their times."""


def openings(windows: Sequence[Window], zone: ZoneInfo, after: datetime) -> Iterator[Opening]:
    """Yield when windows are open from a moment on, in order; those that meet or overlap are one."""
    first = after.astimezone(zone).date() - 2 * DAY_S
    days = [first + number * DAY_S for number in range(AHEAD + 3)]
    found = sorted(one for day in days for window in windows if (one := window.on(day, zone)))
    joined: list[Opening] = []
    for one in found:
        if joined and one.begin <= joined[-1].end:
            joined[-1] = Opening(joined[-1].begin, max(joined[-1].end, one.end))
        else:
            joined.append(one)
    return (one for one in joined if one.end > after)


def closed_until(settings: HasWindows, now: datetime) -> Opening | None:
    """Return when a host may be changed next; None if it may be changed now."""
    if not settings.windows:
        return None
    following = next(openings(settings.windows, settings.zone, now))
    return following if following.begin > now else None


def next_window(host: Host, now: datetime) -> str:
    """Return when the next window of a host opens, as a person reads it; empty if it may be changed now."""
    settings: HasWindows | None = host.data.get(SECTION)
    opening = closed_until(settings, now) if settings else None
    return opening.shown(settings.zone) if opening and settings else ""
