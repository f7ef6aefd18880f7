"""What fills up is forecast from earlier checks; what lasts or rises counts once it does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.measurements import (
    GROWTH_DAYS,
    LONG_DAYS,
    Counted,
    Filling,
    Lasting,
    Point,
    days_left,
    human,
    judge_measurements,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GIB = 1024**3
DAYS = st.lists(st.floats(0, GROWTH_DAYS - 1), min_size=5, max_size=60, unique_by=int)
NOONS = st.lists(st.integers(1, GROWTH_DAYS - 1).map(float), min_size=3, unique=True)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def line(days: list[float], growth: float, present: float) -> list[Point]:
    """Return what was measured so many days ago, and now, of what grows by so much a day."""
    return sorted([(ago(day), present - growth * day) for day in days if day] + [(NOW, present)])


@given(DAYS, st.floats(1e6, 1e12), st.floats(1e12, 1e14), st.floats(1.01, 100))
def test_what_grows_steadily_is_full_when_it_says(
    days: list[float], growth: float, present: float, times: float
) -> None:
    left = days_left(line(days, growth, present), present * times, NOW)
    true = (present * times - present) / growth
    if true > LONG_DAYS * 0.99:
        assert left is None or left > LONG_DAYS * 0.98
    else:
        assert left == pytest.approx(true, rel=1e-3, abs=0.01)


@given(DAYS, st.floats(0, 1e12), st.floats(1e13, 1e14))
def test_what_shrinks_or_stays_is_never_full(days: list[float], shrinking: float, present: float) -> None:
    assert days_left(line(days, -shrinking, present), 2e14, NOW) is None


@given(NOONS, st.floats(1e10, 1e12), st.lists(st.integers(1, 11), max_size=9, unique=True), st.floats(0, 1e14))
def test_it_does_not_matter_how_often_was_measured(
    days: list[float], growth: float, hours: list[int], other: float
) -> None:
    points = line(days, growth, 1e14)
    earlier = [(when - timedelta(hours=hour), other) for when, _ in points for hour in hours]
    assert days_left([*earlier, *points], 2e14, NOW) == days_left(points, 2e14, NOW)


@given(DAYS, st.floats(1e10, 1e12), st.floats(0, 1e14))
def test_a_larger_disk_is_full_later(days: list[float], growth: float, more: float) -> None:
    points = line(days, growth, 1e14)
    small, large = days_left(points, 2e14, NOW), days_left(points, 2e14 + more, NOW)
    assert small is not None
    assert large is None or large >= small


def test_two_days_are_too_few_to_know_a_growth() -> None:
    assert days_left([(ago(1), 1.0), (NOW, 50.0)], 100, NOW) is None
    assert days_left([(ago(0.1), 1.0), (ago(0.2), 1.0), (ago(0.3), 1.0), (NOW, 50.0)], 100, NOW) is None


def test_what_was_before_the_last_weeks_does_not_count() -> None:
    steady = [(ago(day), 10.0) for day in (3, 2, 1)] + [(NOW, 10.0)]
    assert days_left([(ago(GROWTH_DAYS + 1), 0.0), *steady], 100, NOW) is None


def disk(used: float, percent: int = 90, days: int = 14) -> Filling:
    return Filling(
        id="disk:/data", what="the disk of /data", value=used * GIB, size=100 * GIB, host="harbor1", remedy="make room",
        stage="watch_registry", percent=percent, within_days=days, from_percent=50,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("used", "growth", "words"),
    [
        (40, 0, ""),
        (90, 0, "the disk of /data is 90 % full (90 GiB of 100 GiB)"),
        (70, 3, "the disk of /data is 70 % full (70 GiB of 100 GiB), and has 10 days left at its present growth"),
        (70, 2, ""),  # 15 days
        (45, 8, ""),  # seven days, but a registry that is being filled for the first time
        (99, 5, "the disk of /data is 99 % full (99 GiB of 100 GiB), and has less than a day left at its"),
    ],
)
def test_a_disk_is_a_finding_when_it_is_full_or_will_be_soon(used: float, growth: float, words: str) -> None:
    past = [(ago(day), (used - growth * day) * GIB) for day in (5, 4, 3, 2, 1)]
    (measured,), found = judge_measurements([disk(used)], {("harbor1", "disk:/data"): past}, NOW)
    assert isinstance(measured, Filling)
    assert (measured.days_left is None) == (growth == 0)
    assert [one.what[: len(words)] for one in found] == ([words] if words else [])
    assert all((one.id, one.host, one.remedy, one.stage) == ("disk:/data", "harbor1", "make room", "watch_registry")
               for one in found)  # fmt: skip


def lasting(value: int) -> Lasting:
    return Lasting(id="read-only:registry", what="read-only mode is on", value=value, minutes=60)


@pytest.mark.parametrize(
    ("past", "value", "words"),
    [
        ((), 1, ""),  # since when is not known yet
        (((30, 1.0),), 1, ""),
        (((90, 1.0), (30, 1.0)), 1, "read-only mode is on, since 2026-11-28 10:30 UTC or longer"),
        (((90, 1.0), (30, 0.0)), 1, ""),
        (((90, 1.0), (30, 1.0)), 0, ""),
    ],
)
def test_a_condition_counts_once_it_lasts(past: tuple[tuple[int, float], ...], value: int, words: str) -> None:
    points = [(NOW - timedelta(minutes=minutes), was) for minutes, was in past]
    _, found = judge_measurements([lasting(value)], {("", "read-only:registry"): points}, NOW)
    assert [one.what for one in found] == ([words] if words else [])


@pytest.mark.parametrize(
    ("values", "rises"),
    [
        ((0, 0, 0, 0), False),
        ((0, 9, 9, 9), False),
        ((0, 1, 2, 3), True),
        ((5, 0, 1, 2), False),
        ((0, 1, 2, 3, 3), False),
    ],
)
def test_a_counter_counts_when_it_rises_from_check_to_check(values: tuple[int, ...], rises: bool) -> None:
    *past, last = values
    points = [(NOW - timedelta(hours=len(past) - at), float(value)) for at, value in enumerate(past)]
    one = Counted(id="restarts:core", what="the restarts of core", value=last, checks=3, hours=24)
    assert bool(judge_measurements([one], {("", "restarts:core"): points}, NOW)[1]) == rises
    older = [(when - timedelta(hours=48), value) for when, value in points]
    assert judge_measurements([one], {("", "restarts:core"): older}, NOW)[1] == []


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (2048, "2 KiB"), (300 * GIB, "300 GiB"), (1.5 * 1024 * GIB, "1.5 TiB")],
)
def test_bytes_are_shown_in_a_unit_in_which_they_can_be_read(size: float, text: str) -> None:
    assert human(size) == text
