"""Schedules of cron jobs: five fields, or one of their short names; pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
LONGEST = timedelta(days=4 * 366)
"""How far back a run is looked for: 29 February comes every four years."""

_PART = re.compile(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d+))?")


class ScheduleError(ValueError):
    """A schedule that cannot be read; the message is that of a real API server."""


@dataclass(frozen=True)
class Schedule:
    """The minutes, hours, days, months and weekdays at which a schedule runs."""

    values: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool

    def has_day(self, day: datetime) -> bool:
        """Return whether the schedule runs on this day; of day and weekday, one that fits is enough."""
        _, _, days, months, weekdays = self.values
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        fits = (by_day and by_weekday) if self.any_day or self.any_weekday else (by_day or by_weekday)
        return fits and day.month in months

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """Return the latest run after one instant and up to another; None if there is none."""
        oldest = max(after, until - LONGEST)
        day = until.replace(hour=0, minute=0, second=0, microsecond=0)
        while day + timedelta(days=1) > oldest:
            found = self._last_of(day, until) if self.has_day(day) else None
            if found:
                return found if found > oldest else None
            day -= timedelta(days=1)
        return None

    def _last_of(self, day: datetime, until: datetime) -> datetime | None:
        minutes, hours = (sorted(values, reverse=True) for values in self.values[:2])
        times = (day.replace(hour=hour, minute=minute) for hour in hours for minute in minutes)
        return next((time for time in times if time <= until), None)


def parse(text: str) -> Schedule:
    """Return a schedule. Raises ScheduleError."""
    words = SHORT.get(text.strip(), text).split()
    if len(words) != len(FIELDS):
        raise ScheduleError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    values = [_field(word, *field) for word, field in zip(words, FIELDS, strict=True)]
    values[4] = frozenset(0 if value == 7 else value for value in values[4])
    return Schedule(tuple(values), words[2][0] in "*?", words[4][0] in "*?")


def _field(word: str, name: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if not match:
            raise ScheduleError(f"failed to parse int from {part}: invalid syntax")
        first, last, step = match.groups()
        low = least if first in "*?" else _number(first, name)
        high = _number(last, name) if last else (most if first in "*?" or step else low)
        if low < least:
            raise ScheduleError(f"beginning of range ({low}) below minimum ({least}): {part}")
        if high > most:
            raise ScheduleError(f"end of range ({high}) above maximum ({most}): {part}")
        found |= set(range(low, high + 1, int(step or 1) or 1))
    return frozenset(found)


def _number(word: str, name: str) -> int:
    names = NAMES.get(name, ())
    if word[:3].lower() in names:
        return names.index(word[:3].lower()) + (name == "month")
    if not word.isdigit():
        raise ScheduleError(f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax')
    return int(word)
