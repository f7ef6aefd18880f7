"""The content of the HTML page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from moor.engine.results import Status
from moor.history.recording import record
from moor.output.pages.chart import HEIGHT, LONGEST_DAYS, POINTS, WIDTH, Point, axis_top, chart, share, thinned
from moor.output.pages.render import page
from moor.output.pages.view import span
from moor.output.text import drift
from moor.settings import SiteSettings
from tests.harness.commands import moor
from tests.harness.sites import write_site
from tests.history.reports import a_run
from tests.output.pages.conftest import view_of
from tests.output.pages.filled import fill

ROOT = Path(__file__).parents[3]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
points = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), min_size=1, max_size=700).map(
    lambda found: [(BEGAN + timedelta(hours=n), a, b) for n, (a, b) in enumerate(found)]
)


def test_equal_findings_of_several_hosts_are_one_group_and_the_oldest_is_first(settings: SiteSettings) -> None:
    view = view_of(settings)
    assert [(group.id, group.hosts, group.age) for group in view.groups] == [
        ("edit:/etc/hosts#names", ("node2", "node3", "node4"), "1 day"),
        ("requirement:clock", ("node4",), "3 hours"),
        ("host:examined", ("node5",), "2 hours"),
        ("node:node99", (), "1 hour"),
    ]
    assert [(group.id, group.waived) for group in view.waived] == [
        ("service:containerd", "with the upgrade (network, until 2026-12-24)")
    ]


def test_the_page_counts_findings_as_the_command_line_does(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    drifted: dict[str, Status] = {"file:/a": "drift", "file:/b": "ok"}
    report = a_run({"node1": drifted, "node2": drifted}, unexamined=("node3",))
    record(settings, report, frozenset(report.hosts))
    view = view_of(settings)
    assert view.last
    assert (view.findings, view.last.findings, view.last.not_examined) == (2, 2, 1)
    assert "drift: 2 findings; 2 of 3 hosts examined" in drift(report)


def test_a_host_has_the_state_of_its_worst_finding_and_waived_ones_do_not_count(settings: SiteSettings) -> None:
    states = {tile.host: tile.state for tile in view_of(settings).tiles}
    assert (states["node4"], states["node5"], states["node6"], states["node1"]) == ("failed", "unexamined", "ok", "ok")


def test_the_page_shows_the_kind_of_an_error(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    report = a_run({"node1": {"file:/a": "failed", "file:/b": "drift"}}, unexamined=("node3",))
    record(settings, report, frozenset(report.hosts))
    shown = page(view_of(settings), "fleet")
    badges = re.findall(r'<summary><span class="badge \w+"><span aria-hidden="true">.</span> (.+?)</span>', shown)
    assert sorted(badges) == ["drift", "failed (command)", "not examined (unreachable)"]


def test_expiries_are_sorted_by_date(settings: SiteSettings) -> None:
    ends = view_of(settings).ends
    assert [(end.urgency, end.left) for end in ends] == [
        ("over", "over since 3 days"),
        ("soon", "in 12 days"),
        ("later", "in 200 days"),
        ("later", "in 9 years"),
    ]


def test_of_many_hosts_the_worst_come_first_and_the_page_stays_small(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 1000, 3)
    view = view_of(settings)
    assert [tile.state for tile in view.tiles[:3]] == ["unexamined", "failed", "drift"]
    assert len(page(view, "fleet").encode()) < 5_000_000


def test_an_empty_history_is_a_page_too(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 6, 0)
    assert "No run is recorded yet" in page(view_of(settings), "fleet")


@given(points)
def test_the_chart_stays_within_its_frame_and_keeps_the_worst_run(found: list[Point]) -> None:
    drawn = chart(found)
    places = [tuple(map(float, place.split(","))) for place in f"{drawn.findings} {drawn.unexamined}".split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert len(drawn.findings.split()) <= POINTS
    assert len(drawn.table) <= 12
    assert max(a + b for _, a, b in thinned(found, POINTS)) == max(a + b for _, a, b in found)


@given(st.integers(0, 10**6))
def test_an_axis_ends_at_a_round_number_not_below_its_worst(most: int) -> None:
    top = axis_top(most)
    assert top >= max(1, most)
    assert str(top).rstrip("0") in ("1", "2", "5")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_later_expiry_has_a_longer_bar(one: float, other: float) -> None:
    assert 0 <= share(min(one, other)) <= share(max(one, other)) <= 100
    assert share(LONGEST_DAYS) == 100


def test_a_length_of_time_is_shown_in_its_largest_unit() -> None:
    lengths = [timedelta(seconds=3), timedelta(minutes=1), timedelta(hours=5), timedelta(days=400), timedelta(days=900)]
    assert [span(length) for length in lengths] == ["a moment", "1 minute", "5 hours", "400 days", "2 years"]


def test_report_writes_one_private_file_and_prints_its_path(settings: SiteSettings, tmp_path: Path) -> None:
    config = {"user_defined": {"moor": {"state": str(settings.state)}}}
    write_site(tmp_path, {"config.yaml": config, "inventory/hosts.yaml": "node1: {}\n"})
    out = tmp_path / "fleet.html"
    done = moor(tmp_path, "report", "--out", str(out))
    assert done.stdout.strip() == str(out)
    assert out.read_text().startswith("<!doctype html>")
    assert out.stat().st_mode & 0o777 == 0o600
    lost = moor(tmp_path, "report", "--out", "/no/such/x.html")
    assert (lost.returncode, lost.stdout) == (1, "")
    assert "no such directory: /no/such" in lost.stderr
