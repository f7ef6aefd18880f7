"""Which backups are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

Period = tuple[int, ...]


@dataclass(frozen=True)
class Keep:
    """How many backups are kept: the last ones, and the newest one of each of so many days, weeks and months."""

    last: int
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


def backups_to_keep(backups: Mapping[str, datetime], keep: Keep) -> set[str]:
    """Return the names of the backups to keep.

    Args:
        backups: when each was begun, by name.
        keep: the rule.
    """
    newest = sorted(backups, key=lambda name: (backups[name], name), reverse=True)
    periods: Iterable[tuple[int, Callable[[datetime], Period]]] = (
        (keep.daily, lambda moment: (moment.year, moment.month, moment.day)),
        (keep.weekly, lambda moment: tuple(moment.isocalendar()[:2])),
        (keep.monthly, lambda moment: (moment.year, moment.month)),
    )
    kept = set(newest[: keep.last])
    for number, period in periods:
        by_period: dict[Period, str] = {}
        for name in newest:
            by_period.setdefault(period(backups[name]), name)
        kept.update(list(by_period.values())[:number])
    return kept
