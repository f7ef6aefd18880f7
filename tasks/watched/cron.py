"""When a schedule of Harbor should have run last: six fields, seconds first, in UTC.

Source  robfig/cron v1, which Harbor's job service uses: if both days are restricted, either of them counts
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
NAMES = {name: number for number, name in enumerate(MONTHS, 1)} | {name: number for number, name in enumerate(DAYS)}
YEARS = 5  # a schedule of February 29 runs once in four years
ANY = frozenset("*?")


def last_due(cron: str, now: datetime) -> datetime | None:
    """Return the last time at or before ``now`` at which a schedule runs; None if it is none, or never runs."""
    try:
        seconds, minutes, hours, dates, months, days = (
            _numbers(field, *limits) for field, limits in zip(cron.lower().split(), RANGES, strict=True)
        )
    except ValueError:
        return None
    _, _, _, date_field, _, day_field = cron.split()
    both = not ANY & {date_field[0], day_field[0]}
    moment = now.astimezone(UTC)
    for back in range(366 * YEARS):
        day = (moment - timedelta(days=back)).date()
        on_date, on_day = day.day in dates, day.isoweekday() % 7 in days
        if day.month not in months or not (on_date or on_day if both else on_date and on_day):
            continue
        for hour in sorted(hours, reverse=True):
            for minute in sorted(minutes, reverse=True):
                for second in sorted(seconds, reverse=True):
                    due = datetime.combine(day, time(hour, minute, second), UTC)
                    if due <= moment:
                        return due
    return None


def _numbers(field: str, least: int, most: int) -> set[int]:
    """Return the numbers of one field, a list of ranges with steps; raise ValueError if it is none."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = least if first in ANY else _number(first)
        end = most if first in ANY or (step and not dash) else _number(last) if dash else begin
        if not least <= begin <= end <= most or (step and int(step) < 1):
            raise ValueError(field)
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _number(word: str) -> int:
    return NAMES[word] if word in NAMES else int(word)
