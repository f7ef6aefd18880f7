"""Measurements of what changes slowly, and what they say together with those of earlier drift checks.

Measured     a value with a name
├── Filling  something that fills up: is it nearly full, or will be soon at its present growth?
├── Lasting  a condition that should not last
└── Counted  a counter of faults: does it rise from check to check?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import linear_regression
from typing import Self

from moor.engine.findings import Finding

Point = tuple[datetime, float]  # when, and what was measured then; oldest first
Past = Mapping[tuple[str, str], Sequence[Point]]  # by host and id

GROWTH_DAYS = 28  # how far back the growth is taken from
LEAST_DAYS = 3  # with measurements, before any growth is known
DAY_S = 86400.0
LONG_DAYS = 36500.0  # a growth that fills something so late is none
PERCENT = 100
UNITS = ("B", "KiB", "MiB", "GiB")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured value.

    Attributes:
        id: ``kind:name``, which is the finding's too.
        what: what was measured, for people.
        host: empty for the whole fleet.
        remedy: what to do about a finding.
        stage: the task that measured it.
    """

    id: str
    value: float
    what: str
    host: str = ""
    remedy: str = ""
    stage: str = ""

    def with_forecast(self, past: Sequence[Point], now: datetime) -> Self:
        """Return the same with what earlier measurements say about the future."""
        return self

    def fault(self, past: Sequence[Point], now: datetime) -> str:
        """Return what is wrong, in one sentence; empty if nothing is."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Filling(Measured):
    """Something that fills up; ``value`` and ``size`` are bytes.

    Attributes:
        percent: from here on it is a finding.
        within_days: a finding too if it will be full so soon.
        from_percent: below this, growth alone is no finding.
        days_left: until it is full at its present growth; None if it does not grow, or that is not known yet.
    """

    size: float
    percent: int
    within_days: int
    from_percent: int = 0
    days_left: float | None = None

    def with_forecast(self, past: Sequence[Point], now: datetime) -> Self:
        return replace(self, days_left=days_left([*past, (now, self.value)], self.size, now))

    def fault(self, past: Sequence[Point], now: datetime) -> str:
        full = PERCENT * self.value / self.size if self.size > 0 else PERCENT
        soon = self.days_left is not None and self.days_left <= self.within_days and full >= self.from_percent
        if full < self.percent and not soon:
            return ""
        left = "" if self.days_left is None else f", and has {_days(self.days_left)} left at its present growth"
        return f"{self.what} is {int(full)} % full ({human(self.value)} of {human(self.size)}){left}"


@dataclass(frozen=True, kw_only=True)
class Lasting(Measured):
    """A condition that holds if ``value`` is 1, and is a finding if it has held for ``minutes``."""

    minutes: int

    def fault(self, past: Sequence[Point], now: datetime) -> str:
        if not self.value:
            return ""
        since = now
        for when, value in reversed(past):
            if not value:
                break
            since = when
        if now - since < timedelta(minutes=self.minutes):
            return ""
        return f"{self.what}, since {since:%Y-%m-%d %H:%M} UTC or longer"


@dataclass(frozen=True, kw_only=True)
class Counted(Measured):
    """A counter of faults, which is a finding if it rose before each of the last ``checks`` checks within ``hours``.

    One rise is none: whatever starts may need several attempts.
    """

    checks: int
    hours: int

    def fault(self, past: Sequence[Point], now: datetime) -> str:
        oldest = now - timedelta(hours=self.hours)
        values = [*(value for when, value in past if when >= oldest), self.value][-self.checks - 1 :]
        if len(values) <= self.checks or not all(before < after for before, after in pairwise(values)):
            return ""
        return f"{self.what} rose before each of the last {self.checks} checks, to {int(self.value)}"


AnyMeasured = Filling | Lasting | Counted


def days_left(points: Sequence[Point], size: float, now: datetime) -> float | None:
    """Return the days until ``size`` is reached by the growth of the last weeks, from the last value on.

    The growth is the slope of a straight line through the last value of each day, so that it does not matter how often
    was measured.

    Args:
        points: the last one is the present.
        size: in the unit of the points.
        now: points that are older than ``GROWTH_DAYS`` do not count.

    Returns:
        None if it does not grow, or on too few days to know.
    """
    oldest = now - timedelta(days=GROWTH_DAYS)
    by_day: dict[date, Point] = {}
    for when, value in sorted(point for point in points if point[0] >= oldest):
        by_day[when.astimezone(UTC).date()] = (when, value)
    if len(by_day) < LEAST_DAYS:
        return None
    days = [(when - oldest).total_seconds() / DAY_S for when, _ in by_day.values()]
    values = [value for _, value in by_day.values()]
    slope = linear_regression(days, values).slope
    left = (size - values[-1]) / slope if slope > 0 else LONG_DAYS
    # rounding makes a tiny slope of equal values
    return max(0.0, left) if left < LONG_DAYS else None


def judge_measurements(
    measured: Iterable[AnyMeasured], past: Past, now: datetime | None = None
) -> tuple[list[AnyMeasured], list[Finding]]:
    """Return the measurements with their forecasts, and a finding for each that is not as it should be."""
    moment = now or datetime.now(UTC)
    known = [(one, past.get((one.host, one.id), ())) for one in measured]
    forecast: list[tuple[AnyMeasured, Sequence[Point]]] = [
        (one.with_forecast(before, moment), before) for one, before in known
    ]
    faults = [(one, one.fault(before, moment)) for one, before in forecast]
    findings = [Finding(one.id, words, one.remedy, one.host, stage=one.stage) for one, words in faults if words]
    return [one for one, _ in forecast], findings


def human(size: float) -> str:
    """Return bytes in a unit in which they can be read."""
    for unit in UNITS:
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _days(days: float) -> str:
    return "less than a day" if days < 1 else f"{int(days)} day{'s' if days >= 2 else ''}"
