"""When a host may be changed: over midnight, over a change of the clock, and when next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.run.rolling.windows import DAYS, Window, closed_until
from moor.tasks.maintenance.settings import Maintenance

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
CLOCKS = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))
WINDOWS = st.builds(
    lambda days, times: {"days": sorted(days), "from": times[0], "to": times[1]},
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.lists(CLOCKS, min_size=2, max_size=2, unique=True),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def kept(zone: str, *windows: object) -> Maintenance:
    return Maintenance.model_validate({"windows": list(windows), "timezone": zone})


def shown(settings: Maintenance, moment: str) -> str:
    """Return when the next window opens, for a moment as the clock on the wall shows it."""
    found = closed_until(settings, datetime.fromisoformat(moment).replace(tzinfo=settings.zone))
    return found.shown(settings.zone) if found else "open"


NIGHT = {"days": ["sat"], "from": "22:00", "to": "04:00"}
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-28 21:59", "Sat 2026-11-28 22:00 to Sun 04:00 (Europe/Berlin)"),
        ("2026-11-28 22:00", "open"),
        ("2026-11-29 03:59", "open"),  # Sunday, of Saturday's window
        ("2026-11-29 04:00", "Sat 2026-12-05 22:00 to Sun 04:00 (Europe/Berlin)"),
        ("2026-11-29 22:00", "Sat 2026-12-05 22:00 to Sun 04:00 (Europe/Berlin)"),
    ],
)
def test_a_window_goes_over_midnight(moment: str, words: str) -> None:
    assert shown(kept(BERLIN, NIGHT), moment) == words


def test_where_the_clock_is_put_back_a_window_lasts_through_both_hours() -> None:
    settings = kept(BERLIN, {"days": ["sun"], "from": "01:00", "to": "02:30"})
    first, second = datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 25, 1, 29, tzinfo=UTC)
    assert first.astimezone(settings.zone).hour == second.astimezone(settings.zone).hour == 2
    assert closed_until(settings, first) is None
    assert closed_until(settings, second) is None
    assert closed_until(settings, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) is not None


def test_a_window_in_the_hour_that_is_left_out_opens_a_week_later() -> None:
    settings = kept(BERLIN, {"days": ["sun"], "from": "02:00", "to": "03:00"})
    assert shown(settings, "2026-03-28 12:00") == "Sun 2026-04-05 02:00 to 03:00 (Europe/Berlin)"


def test_windows_that_meet_are_one_and_none_means_any_time() -> None:
    whole = kept("UTC", {"days": list(DAYS), "from": "00:00", "to": "24:00"})
    assert shown(whole, "2026-11-28 23:59") == "open"
    both = kept(
        "UTC", {"days": ["mon"], "from": "08:00", "to": "10:00"}, {"days": ["mon"], "from": "10:00", "to": "11:00"}
    )
    assert shown(both, "2026-11-29 12:00") == "Mon 2026-11-30 08:00 to 11:00 (UTC)"
    assert shown(kept("UTC"), "2026-11-28 12:00") == "open"


def is_in(window: Window, wall: datetime) -> bool:
    """Return whether a clock on the wall shows a time of the window; written another way than the code."""
    today, before = DAYS[wall.weekday()], DAYS[(wall - timedelta(days=1)).weekday()]
    clock = f"{wall:%H:%M}"
    if window.opens < window.closes:
        return today in window.days and window.opens <= clock < window.closes
    return (today in window.days and clock >= window.opens) or (before in window.days and clock < window.closes)


@given(windows=st.lists(WINDOWS, min_size=1, max_size=3), zone=st.sampled_from(ZONES), moment=MOMENTS)
def test_a_host_may_be_changed_when_the_clock_on_the_wall_is_in_a_window(
    windows: list[object], zone: str, moment: datetime
) -> None:
    settings = kept(zone, *windows)
    wall = moment.astimezone(settings.zone)
    offsets = {(wall + timedelta(hours=hours)).astimezone(settings.zone).utcoffset() for hours in range(-50, 51, 2)}
    if len(offsets) == 1:  # no change of the clock near
        assert (closed_until(settings, moment) is None) == any(is_in(one, wall) for one in settings.windows)


@given(windows=st.lists(WINDOWS, min_size=1, max_size=3), zone=st.sampled_from(ZONES), moment=MOMENTS)
def test_the_next_window_is_open_when_it_opens_and_no_sooner(
    windows: list[object], zone: str, moment: datetime
) -> None:
    settings = kept(zone, *windows)
    found = closed_until(settings, moment)
    if found:
        assert moment < found.begin < found.end
        assert closed_until(settings, found.begin) is None
        assert closed_until(settings, found.end - timedelta(seconds=1)) is None
        for part in (0.1, 0.5, 0.9):
            assert closed_until(settings, moment + (found.begin - moment) * part) == found


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"windows": [{**NIGHT, "days": []}]}, "at least 1 item"),
        ({"windows": [{**NIGHT, "days": ["saturday"]}]}, "Input should be 'mon'"),
        ({"windows": [{**NIGHT, "to": "22:00"}]}, "from and to are the same"),
        ({"windows": [{**NIGHT, "from": "24:00"}]}, "should match pattern"),
        ({"timezone": "Europe/Berlim"}, "no time zone is called Europe/Berlim"),
        ({"timezone": "../../etc/passwd"}, "no time zone is called"),
    ],
)
def test_what_is_no_window_is_refused(wrong: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Maintenance.model_validate(wrong)


def test_every_zone_of_the_tests_is_known() -> None:
    assert [ZoneInfo(zone).key for zone in ZONES] == list(ZONES)
