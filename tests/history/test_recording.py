"""History records runs and dates findings, and no trouble with it stops a run."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from moor.engine.findings import Expiry, Finding
from moor.engine.measurements import GROWTH_DAYS, Filling
from moor.engine.results import Cause, Status
from moor.errors import AmbiguousRun, HistoryError
from moor.history.database import FILE, connected
from moor.history.model import FindingRow, RecordingResult
from moor.history.pending import mark_sent, pending_notices
from moor.history.reading import History
from moor.history.recording import past_measurements, record
from moor.history.rows import MAX_TEXT
from moor.run.report import RunReport
from moor.secrets.secret import Secret
from moor.settings import SecretRef, SiteSettings
from tests.history.reports import a_run

FLEET = frozenset({"node1", "node2"})
DRIFTED: dict[str, dict[str, Status]] = {"node1": {"file:/a": "drift"}, "node2": {"file:/a": "ok"}}
CLEAN: dict[str, dict[str, Status]] = {"node1": {"file:/a": "ok"}, "node2": {"file:/a": "ok"}}
JOINED = Finding("node:node9", "joined the cluster", "moor onboard node9", stage="compare_members")


def kept(settings: SiteSettings, report: RunReport, fleet: frozenset[str] = FLEET) -> RecordingResult:
    recorded = record(settings, report, fleet)
    assert recorded.trouble == ""
    return recorded


def ids(rows: tuple[FindingRow, ...] | list[FindingRow]) -> list[tuple[str, str]]:
    return [(row.host, row.id) for row in rows]


def test_drift_is_new_once_keeps_its_date_and_is_over_when_examined_again(anywhere: SiteSettings) -> None:
    first, second, third = a_run(DRIFTED), a_run(DRIFTED), a_run(CLEAN)
    assert ids(kept(anywhere, first).new) == [("node1", "file:/a")]
    again = kept(anywhere, second)
    assert (again.new, ids(again.open)) == ((), [("node1", "file:/a")])
    assert second.hosts["node1"].resources[0].first_seen == first.started
    assert again.open[0].last_seen == datetime.fromisoformat(second.started)
    over = kept(anywhere, third)
    assert (ids(over.cleared), over.open) == ([("node1", "file:/a")], ())


def test_a_finding_that_comes_back_is_new_with_a_new_date(anywhere: SiteSettings) -> None:
    for found in (DRIFTED, CLEAN):
        kept(anywhere, a_run(found))
    back = a_run(DRIFTED)
    assert ids(kept(anywhere, back).new) == [("node1", "file:/a")]
    assert back.hosts["node1"].resources[0].first_seen == back.started


def test_a_finding_that_was_not_examined_stays_open(anywhere: SiteSettings) -> None:
    kept(anywhere, a_run(DRIFTED))
    assert ids(kept(anywhere, a_run({"node2": {"file:/a": "ok"}})).open) == [("node1", "file:/a")]
    unreached = kept(anywhere, a_run({"node2": {"file:/a": "ok"}}, unexamined=("node1",), answered=()))
    assert ids(unreached.open) == [("node1", "file:/a"), ("node1", "host:examined")]
    skipped = kept(anywhere, a_run({"node1": {"file:/a": "skipped"}}, command="apply", answered=()))
    assert ids(skipped.open) == [("node1", "file:/a"), ("node1", "host:examined")]
    assert kept(anywhere, a_run(CLEAN)).open == ()


def test_an_apply_closes_what_it_mended_and_opens_no_finding(anywhere: SiteSettings) -> None:
    kept(anywhere, a_run(DRIFTED))
    mended = kept(anywhere, a_run({"node1": {"file:/a": "changed", "file:/b": "failed"}}, command="apply"))
    assert (ids(mended.cleared), mended.open) == ([("node1", "file:/a")], ())


def test_a_finding_is_over_when_its_resource_is_no_longer_desired(anywhere: SiteSettings) -> None:
    kept(anywhere, a_run({**DRIFTED, "node2": {"file:/b": "drift"}}))
    rest = kept(anywhere, a_run({"node1": {"file:/b": "ok"}}), fleet=frozenset({"node1"}))
    assert rest.open == ()


def test_a_finding_of_the_fleet_is_over_only_when_its_task_has_answered(anywhere: SiteSettings) -> None:
    kept(anywhere, a_run(CLEAN, findings=(JOINED,)))
    assert ids(kept(anywhere, a_run(CLEAN, answered=("write_hosts",))).open) == [("", "node:node9")]
    assert ids(kept(anywhere, a_run(CLEAN)).cleared) == [("", "node:node9")]


def test_an_expiry_is_kept_until_its_task_no_longer_reports_it(anywhere: SiteSettings) -> None:
    def known() -> list[str]:
        with connected(anywhere, writing=False) as connection:
            return [row.id for row in History(connection).expiries()]

    ends = Expiry("certificate:ca", "2030-01-01T00:00:00+00:00", "the CA", stage="check_expiry_dates")
    soon = replace(ends, id="certificate:served", expires="2029-01-01T00:00:00+00:00")
    kept(anywhere, a_run(CLEAN, expiries=(ends, soon), answered=("check_expiry_dates",)))
    assert known() == ["certificate:served", "certificate:ca"]
    kept(anywhere, a_run(CLEAN))
    assert len(known()) == 2
    kept(anywhere, a_run(CLEAN, expiries=(ends,), answered=("check_expiry_dates",)))
    assert known() == ["certificate:ca"]


def test_a_run_is_found_by_the_beginning_of_its_name(anywhere: SiteSettings) -> None:
    one = a_run({"node1": {"file:/a": "drift", "file:/b": "ok"}}, unexamined=("node2",))
    kept(anywhere, one)
    kept(anywhere, a_run(CLEAN))
    with connected(anywhere, writing=False) as connection:
        history = History(connection)
        with pytest.raises(
            AmbiguousRun, match=r"^several runs begin with run-, such as run-\d+ and run-\d+; write more"
        ):
            history.run("run-")
        assert history.run("walk-") is None
        found = history.run(one.run)
        assert found is not None
        assert (found.hosts, found.not_examined, found.findings, found.counts) == (2, 1, 1, {"drift": 1, "ok": 1})
        assert [row.host for row in history.hosts(one.run)] == ["node1", "node2"]
        assert [(row.id, row.status) for row in history.changes([one.run])] == [("file:/a", "drift")]
        assert [run.command for run in history.runs(host="node1")] == ["drift", "drift"]
        assert [row.run for row in history.fleet()] == [history.runs(1)[0].run] * 2


def test_runs_of_one_second_are_listed_in_the_order_in_which_they_were_recorded(anywhere: SiteSettings) -> None:
    reports = [a_run(CLEAN) for _ in range(4)]
    for report, name in zip(reports, ("c", "a", "d", "b"), strict=True):
        report.run, report.started = name, reports[0].started
        kept(anywhere, report)
    with connected(anywhere, writing=False) as connection:
        assert [run.run for run in History(connection).runs()] == ["b", "d", "a", "c"]


def test_the_fleet_has_the_last_row_of_each_host_without_hosts_that_left(settings: SiteSettings) -> None:
    three = a_run({"node1": {}, "node2": {}, "node3": {}})
    kept(settings, three, frozenset(three.hosts))
    whole, part = a_run(CLEAN), a_run({"node2": {"file:/a": "drift"}})
    kept(settings, whole)
    kept(settings, part)
    with connected(settings, writing=False) as connection:
        fleet = History(connection).fleet()
    assert [(row.host, row.run) for row in fleet] == [("node1", whole.run), ("node2", part.run)]


def test_old_runs_are_deleted_and_open_findings_stay(settings: SiteSettings) -> None:
    old, new = a_run(DRIFTED), a_run({"node2": {"file:/a": "ok"}}, answered=())
    old.started = (datetime.fromisoformat(new.started) - timedelta(days=900)).isoformat()
    kept(settings, old)
    recorded = kept(settings.model_copy(update={"history_days": 800}), new)
    assert recorded.open[0].first_seen == datetime.fromisoformat(old.started)
    with connected(settings, writing=False) as connection:
        assert [run.run for run in History(connection).runs()] == [new.run]


def test_a_finding_is_announced_once_when_it_opens_and_once_when_it_is_over(anywhere: SiteSettings) -> None:
    kept(anywhere, a_run(DRIFTED))
    news = pending_notices(anywhere)
    assert (ids(news.new), news.over) == ([("node1", "file:/a")], ())
    kept(anywhere, a_run(DRIFTED))
    assert ids(pending_notices(anywhere).new) == [("node1", "file:/a")]  # not announced yet
    mark_sent(anywhere, news)
    assert pending_notices(anywhere).new == ()
    kept(anywhere, a_run(CLEAN))
    over = pending_notices(anywhere)
    assert (over.new, ids(over.over)) == ((), [("node1", "file:/a")])
    mark_sent(anywhere, over)
    assert pending_notices(anywhere).over == ()


def test_a_finding_that_was_over_before_it_was_announced_is_never_announced(settings: SiteSettings) -> None:
    for found in (DRIFTED, CLEAN):
        kept(settings, a_run(found))
    assert pending_notices(settings).over == ()


def test_secrets_and_very_long_texts_are_not_stored(settings: SiteSettings) -> None:
    secret = Secret("correct-horse-battery")
    report = a_run(DRIFTED, findings=(replace(JOINED, what=f"it is {secret.reveal()}"),))
    report.hosts["node1"].resources[0].diff = f"{secret.reveal()} {'x' * MAX_TEXT * 2}"
    kept(settings, report)
    for path in settings.state.iterdir():
        assert secret.reveal().encode() not in path.read_bytes()
    with connected(settings, writing=False) as connection:
        assert len(History(connection).changes([report.run])[0].diff) < MAX_TEXT + 100


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_owner_can_read_the_database_whatever_the_umask(settings: SiteSettings, umask: int) -> None:
    before = os.umask(umask)
    try:
        kept(settings, a_run(CLEAN))
    finally:
        os.umask(before)
    assert settings.state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in settings.state.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"SQLite format 3\0 and then nothing sensible" * 400, b"no database at all" * 90])
def test_a_corrupt_database_stops_no_run_and_says_what_to_do(settings: SiteSettings, content: bytes) -> None:
    settings.state.mkdir()
    (settings.state / FILE).write_bytes(content)
    trouble = record(settings, a_run(DRIFTED), FLEET).trouble
    assert str(settings.state / FILE) in trouble
    assert "move the file away" in trouble


def test_an_unreachable_server_stops_no_run_and_its_password_is_not_shown(settings: SiteSettings) -> None:
    reference = settings.directory / "url"
    reference.write_text("postgresql+psycopg://moor:hunter22@127.0.0.1:1/moor?connect_timeout=2")
    reference.chmod(0o600)
    there = settings.model_copy(update={"history_url": SecretRef(f"file:{reference}")})
    trouble = record(there, a_run(DRIFTED), FLEET).trouble
    assert "127.0.0.1" in trouble
    assert "hunter22" not in trouble


def test_a_database_of_a_newer_version_is_not_changed(settings: SiteSettings) -> None:
    kept(settings, a_run(CLEAN))
    with connected(settings, writing=True) as connection:
        connection.run("UPDATE moor_version SET version = 99")
    assert "a newer moor wrote it (version 99" in record(settings, a_run(CLEAN), FLEET).trouble


def test_a_missing_history_names_the_command_that_creates_it(settings: SiteSettings) -> None:
    with pytest.raises(HistoryError, match="moor drift records the first"), connected(settings, writing=False):
        pass


def record_many(settings: SiteSettings, name: str, number: int) -> None:
    for index in range(number):
        report = a_run(DRIFTED)
        report.run = f"{name}-{index}"
        trouble = record(settings, report, FLEET).trouble
        assert trouble == "", trouble


def test_two_controllers_that_record_at_once_lose_nothing_and_open_a_finding_once(anywhere: SiteSettings) -> None:
    context = multiprocessing.get_context("spawn")
    controllers = [context.Process(target=record_many, args=(anywhere, name, 15)) for name in ("left", "right")]
    for controller in controllers:
        controller.start()
    for controller in controllers:
        controller.join()
    assert [controller.exitcode for controller in controllers] == [0, 0]
    with connected(anywhere, writing=False) as connection:
        assert len(History(connection).runs(limit=100)) == 30
        assert ids(History(connection).open()) == [("node1", "file:/a")]


def measured(days_ago: float, used: float, command: str = "drift") -> RunReport:
    """Return a run of so many days ago, which measured a disk."""
    report = a_run(CLEAN, command=command)
    report.started = (datetime(2026, 11, 28, 12, tzinfo=UTC) - timedelta(days=days_ago)).isoformat()
    report.measured = [Filling(id="disk:/d", what="d", value=used, host="node1", size=100, percent=90, within_days=9)]
    return report


def test_measurements_of_earlier_checks_are_kept_one_a_day_for_some_weeks(anywhere: SiteSettings) -> None:
    for days_ago, used in ((GROWTH_DAYS + 3, 1), (10.2, 2), (10.1, 3), (9, 4), (1.1, 5), (1, 6), (0, 7)):
        kept(anywhere, measured(days_ago, used))
    kept(anywhere, measured(0, 99, command="apply"))
    points = past_measurements(anywhere)["node1", "disk:/d"]
    assert [value for _, value in points] == [3, 4, 5, 6, 7]
    assert points[-1][0] == datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_without_a_history_nothing_was_measured(settings: SiteSettings) -> None:
    assert past_measurements(settings) == {}


def test_the_last_verify_of_the_whole_fleet_keeps_its_proofs_and_every_cause_its_remedy(anywhere: SiteSettings) -> None:
    first, part = (
        a_run({name: {"proof:tls": "ok"} for name in names}, command="verify") for names in (FLEET, ["node1"])
    )
    last = a_run({"node1": {"proof:tls": "failed"}, "node2": {"proof:tls": "ok"}}, command="verify")
    last.hosts["node1"].resources[0].causes = [Cause("tls-unknown-ca", "the CA is missing", "moor apply trust")]
    last.registry = "registry.moor.test:5443"
    for report in (first, part):
        kept(anywhere, report)
    with connected(anywhere, writing=False) as connection:
        assert [row.proofs for row in History(connection).hosts(first.run)] == [{"proof:tls": "ok"}] * 2
    kept(anywhere, last)
    with connected(anywhere, writing=False) as connection:
        history = History(connection)
        assert [row.proofs for row in history.hosts(first.run) + history.hosts(part.run)] == [None] * 3
        assert [row.proofs for row in history.hosts(last.run)] == [{"proof:tls": "failed"}, {"proof:tls": "ok"}]
        (change,) = history.changes([last.run])
        assert change.causes == [{"rule": "tls-unknown-ca", "cause": "the CA is missing", "mend": "moor apply trust"}]
        assert [run.registry for run in history.runs()] == ["registry.moor.test:5443", "", ""]


def test_a_finding_with_a_known_cause_has_its_remedy(settings: SiteSettings) -> None:
    report = a_run({"node1": {"proof:tls": "failed"}})
    report.hosts["node1"].resources[0].causes = [Cause("tls-unknown-ca", "the CA is missing", "moor apply trust")]
    (found,) = kept(settings, report).new
    assert (found.what, found.remedy) == ("the CA is missing", "moor apply trust")


def test_what_is_held_is_kept_with_the_reason(settings: SiteSettings) -> None:
    report = a_run({"node1": {"file:/a": "held"}})
    report.hosts["node1"].resources[0].held = "by ops until 2026-12-01: a new kernel is tried"
    kept(settings, report)
    with connected(settings, writing=False) as connection:
        (held,) = History(connection).held(report.run)
    assert (held.host, held.id, held.error) == ("node1", "file:/a", "by ops until 2026-12-01: a new kernel is tried")
