"""The content of the HTML page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from moor.engine.results import Cause, Status
from moor.history.recording import record
from moor.output.pages.chart import HEIGHT, POINTS, WIDTH, Point, axis_top, chart, thinned
from moor.output.pages.diffs import marked, rows_of
from moor.output.pages.expiries import FULL_DAYS, share
from moor.output.pages.render import page
from moor.output.pages.words import anchor, span
from moor.output.text import drift
from moor.settings import SiteSettings
from tests.harness.commands import moor
from tests.harness.sites import write_site
from tests.history.reports import a_run
from tests.output.pages.conftest import view_of
from tests.output.pages.filled import DIFF, HELD, fill

ROOT = Path(__file__).parents[3]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
points = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 9)), min_size=1, max_size=700).map(
    lambda found: [(BEGAN + timedelta(hours=n), a, b) for n, (a, b) in enumerate(found)]
)


def test_equal_findings_of_several_hosts_are_one_group_and_the_worst_are_first(settings: SiteSettings) -> None:
    view = view_of(settings)
    assert [(group.id, group.hosts, group.age) for subject in view.subjects for group in subject.groups] == [
        ("host:examined", ("node5",), "2 hours"),
        ("requirement:clock", ("node4",), "3 hours"),
        ("node:node99", (), "1 hour"),
        ("edit:/etc/hosts#names", ("node2", "node3", "node4"), "1 day"),
    ]
    assert [(subject.id, subject.groups[0].waived) for subject in view.waived] == [
        ("service:containerd", "with the upgrade (network, until 2026-12-24)")
    ]


def test_what_somebody_holds_is_shown_with_the_reason(settings: SiteSettings) -> None:
    (held,) = view_of(settings).held
    assert (held.id, held.where, held.error) == ("edit:/etc/hosts#names", "node1", HELD)


def test_every_finding_has_its_remedy_and_drift_the_command_that_mends_it(settings: SiteSettings) -> None:
    mend = {subject.id: list(subject.groups[0].mend) for subject in view_of(settings).subjects}
    assert mend["edit:/etc/hosts#names"] == ["moor apply --limit node2,node3,node4"]
    assert mend["node:node99"] == ["moor onboard node99"]


def test_the_remedy_of_a_finding_on_several_hosts_names_them_all(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    report = a_run({f"node{number}": {"proof:name": "failed"} for number in range(1, 10)})
    for name, host in report.hosts.items():
        host.resources[0].causes = [
            Cause("name-elsewhere", "it resolves elsewhere", f"moor apply names --limit {name}")
        ]
    record(settings, report, frozenset(report.hosts))
    ((group,),) = [subject.groups for subject in view_of(settings).subjects]
    assert (group.where, list(group.mend)) == ("node[1-9]", ["moor apply names --limit node[1-9]"])


@given(st.text(), st.text())
def test_an_anchor_depends_on_the_name_alone_and_differs_for_other_names(one: str, other: str) -> None:
    first, second = anchor("finding", one), anchor("finding", other)
    assert re.fullmatch(r"finding-[a-z0-9-]*-[0-9a-f]{6}", first)
    assert (first == second) == (one == other)


def test_the_link_to_a_finding_stays_when_it_is_found_on_another_host(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    anchors = []
    for report in (
        a_run({"node1": {"file:/a": "drift"}}),
        a_run({"node1": {"file:/a": "ok"}, "node2": {"file:/a": "failed"}}),
    ):
        record(settings, report, frozenset(report.hosts))
        anchors.append([subject.anchor for subject in view_of(settings).subjects])
    assert anchors[0] == anchors[1] != []


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
    badges = re.findall(
        r'<p class="head"><span class="badge \w+"><span aria-hidden="true">.</span> (.+?)</span>', shown
    )
    assert sorted(badges) == ["drift", "failed (command)", "not examined (unreachable)"]


def test_a_certificate_has_one_bar_wherever_it_lies_and_the_next_to_end_is_first(settings: SiteSettings) -> None:
    ends = view_of(settings).ends
    assert [(end.what, end.urgency, end.left, end.places) for end in ends] == [
        ("the robot robot$demo+puller", "over", "over since 3 days", ()),
        ("the certificate of registry.moor.test", "soon", "12 days left", ("/etc/moor/registry.crt of harbor1",)),
        ("the robot robot$demo+pusher", "later", "200 days left", ()),
        ("the CA", "later", "3600 days left", ()),
    ]


def test_the_page_names_the_registry_and_shows_the_last_verify_with_causes_and_remedies(settings: SiteSettings) -> None:
    view = view_of(settings)
    assert view.registry == "registry.moor.test"
    assert view.proofs
    assert view.proofs.columns[:3] == ["clock", "name", "route"]
    assert [(row.where, list(row.cells)[:3]) for row in view.proofs.rows[2:5]] == [
        ("node3", ["ok", "FAULT", "?"]),
        ("node4", ["ok", "ok", "ok"]),
        ("node5", ["?", "?", "?"]),
    ]
    assert [(note.hosts, note.words, note.mend) for note in view.proofs.notes] == [
        (("node3",), "the name resolves to 10.99.0.9", "moor apply names --limit node3"),
        (("node5",), "not examined: connection refused", ""),
    ]
    assert (view.proofs.whole, view.proofs.hosts) == (6, 8)


def test_a_run_that_changed_something_shows_it_once_for_all_hosts(settings: SiteSettings) -> None:
    changes = {run.says: run.groups for run in view_of(settings).runs if run.groups}
    assert {says: [(group.id, group.status, group.where) for group in groups] for says, groups in changes.items()} == {
        "apply": [("edit:/etc/hosts#names", "changed", "node[1-8]"), ("service:containerd", "failed", "node1")]
    }


def test_an_apply_that_failed_at_once_shows_what_failed(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    report = a_run({"node1": {"service:docker": "failed"}}, command="apply")
    report.ticket = "CHG-7"
    record(settings, report, frozenset(report.hosts))
    (run,) = view_of(settings).runs
    assert [(group.id, group.status) for group in run.groups] == [("service:docker", "failed")]
    assert "1 host, 1 failed, ticket CHG-7" in page(view_of(settings), "fleet")


def test_before_the_first_check_hosts_are_as_the_last_run_left_them(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    report = a_run(
        {"node1": {"file:/a": "changed"}, "node2": {"file:/a": "ok"}}, command="apply", unexamined=("node3",)
    )
    record(settings, report, frozenset(report.hosts))
    view = view_of(settings)
    assert [(tile.host, tile.state, tile.words) for tile in view.tiles] == [
        ("node1", "ok", "1 change made"),
        ("node2", "ok", "nothing to change"),
        ("node3", "unexamined", "connection refused"),
    ]
    assert "Nothing is open" not in page(view, "fleet")


def test_of_2000_hosts_the_worst_come_first_and_the_page_stays_small(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 2000, 3)
    view = view_of(settings)
    assert [tile.state for tile in view.tiles[:3]] == ["unexamined", "failed", "drift"]
    assert view.proofs
    assert [row.where for row in view.proofs.rows] == ["node3", "node5", "node[1-2,4,6-2000]"]
    assert len(page(view, "fleet").encode()) < 1_000_000


def test_an_empty_history_is_a_page_too(tmp_path: Path) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path / "state")
    fill(settings, 6, 0)
    assert "No run is recorded yet" in page(view_of(settings), "fleet")


@given(points)
@example([(BEGAN, 999, 1)])
def test_the_chart_stays_within_its_frame_and_keeps_the_worst_run(found: list[Point]) -> None:
    drawn = chart(found)
    assert all(0 <= bar.x <= WIDTH - bar.width and 0 <= bar.top <= HEIGHT for bar in drawn.bars)
    assert len(drawn.bars) <= POINTS
    assert len(drawn.table) <= 12
    assert max(a + b for _, a, b in thinned(found, POINTS)) == max(a + b for _, a, b in found)


def test_the_chart_says_something_with_one_run() -> None:
    (bar,) = chart([(BEGAN, 4, 1)]).bars
    assert (bar.label, bar.found, bar.lost) == ("4 + 1?", HEIGHT * 4 / 5, HEIGHT / 5)
    assert (
        chart([(BEGAN, 4, 1)]).words
        == "One check so far, on 2026-01-01 00:00 UTC: 4 findings, and 1 host not examined."
    )
    two = chart([(BEGAN, 4, 0), (BEGAN + timedelta(hours=1), 0, 0)]).words
    assert two == (
        "0 findings in the last check, 4 fewer than in the one before. 1 of 2 checks were clean; "
        "the worst was 2026-01-01 00:00, with 4 findings."
    )


def test_a_diff_has_line_numbers_and_marks_what_changed_within_a_line() -> None:
    rows = rows_of(f"{DIFF}\nrunning: no -> yes")
    assert [row.title for row in rows if row.title] == ["content:", "running:"]
    (pair,) = [row for row in rows if row.old and row.new and not row.title]
    assert pair.old
    assert pair.new
    assert (pair.old.number, pair.new.number) == (11, 11)
    assert [text for changed, text in pair.old.pieces if changed] == ["99", "9"]
    assert [text for changed, text in pair.new.pieces if changed] == ["77", "11"]


@given(st.text(), st.text())
def test_marking_changes_no_text(one: str, other: str) -> None:
    for line, pieces in zip((one, other), marked(one, other), strict=True):
        assert "".join(text for _, text in pieces) == line


@given(st.lists(st.sampled_from(["-a", "+b", " c", "@@ -3 +4,2 @@", "content:", "x: a -> b", "", "..."])))
def test_a_viewer_shows_every_line_of_a_diff(lines: list[str]) -> None:
    rows = rows_of("\n".join(lines))
    sides = [side for row in rows for side in (row.same, row.old, row.new) if side]
    values = sum(line == "x: a -> b" for line in lines)
    hunks = sum(line.startswith("@@") for line in lines)
    assert len(sides) + sum(bool(row.title) for row in rows) >= len([line for line in lines if line]) - hunks
    assert sum(row.title == "x:" for row in rows) == values


@given(st.integers(0, 10**6))
def test_an_axis_ends_at_a_round_number_not_below_its_worst(most: int) -> None:
    top = axis_top(most)
    assert top >= max(1, most)
    assert str(top).rstrip("0") in ("1", "2", "5")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_later_expiry_has_a_longer_bar(one: float, other: float) -> None:
    assert 0 <= share(min(one, other)) <= share(max(one, other)) <= 100
    assert share(FULL_DAYS) == 100


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
