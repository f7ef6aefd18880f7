"""Which backups are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.backup.retention import Keep, backups_to_keep

FIRST = datetime(2026, 1, 31, 3)
rules = st.builds(
    Keep, last=st.integers(1, 5), daily=st.integers(0, 9), weekly=st.integers(0, 9), monthly=st.integers(0, 9)
)
backups = st.dictionaries(
    st.text("ab", min_size=1), st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)), max_size=12
)


def daily(number: int) -> dict[str, datetime]:
    return {f"{(FIRST - timedelta(days=day)):%m-%d}": FIRST - timedelta(days=day) for day in range(number)}


def test_the_newest_ones_are_kept() -> None:
    assert backups_to_keep(daily(10), Keep(last=2)) == {"01-31", "01-30"}


def test_the_newest_of_each_day_week_and_month_is_kept() -> None:
    kept = backups_to_keep(daily(70), Keep(last=1, daily=2, weekly=2, monthly=3))
    assert kept == {"01-31", "01-30", "01-25", "12-31", "11-30"}


@given(backups, rules)
def test_the_newest_is_always_kept_and_no_more_than_the_rule_says(made: dict[str, datetime], keep: Keep) -> None:
    kept = backups_to_keep(made, keep)
    assert kept <= set(made)
    assert len(kept) <= keep.last + keep.daily + keep.weekly + keep.monthly
    assert not made or max(made, key=lambda name: (made[name], name)) in kept


@given(backups, rules)
def test_what_was_dropped_once_is_not_missed_later(made: dict[str, datetime], keep: Keep) -> None:
    kept = backups_to_keep(made, keep)
    assert backups_to_keep({name: made[name] for name in kept}, keep) == kept
