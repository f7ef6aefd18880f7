"""Jobs that failed, take too long, or did not run when they should have; and the schedules by which that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.watched.cron import last_due
from moor.tasks.watched.jobs import (
    Job,
    job_findings,
    missed,
    moment,
    queue_findings,
    replication_job,
    system_job,
)
from moor.tasks.watched.retentions import retention_job
from moor.tasks.watched.scans import scan_findings, scan_job
from moor.tasks.watched.settings import Watch

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday
GC = Job("job:gc", "garbage collection", "Harbor's portal, Clean Up")
DAILY = {"schedule": {"cron": "0 0 0 * * *", "type": "Daily"}, "update_time": "2026-11-01T10:00:00.000Z"}


def run(status: str, when: str, number: int = 1) -> dict[str, Any]:
    return {"id": number, "job_status": status, "creation_time": when}


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("0 0 0 * * *", "2026-11-28 00:00"),
        ("0 0 * * * *", "2026-11-28 12:00"),
        ("0 0 0 * * 0", "2026-11-22 00:00"),
        ("0 30 13 * * MON-FRI", "2026-11-27 13:30"),
        ("0 */20 8-10 * * ?", "2026-11-28 10:40"),
        ("0 0 3 1,15 * *", "2026-11-15 03:00"),
        ("0 0 3 1 * sun", "2026-11-22 03:00"),  # of two days, either counts
        ("0 0 0 29 2 *", "2024-02-29 00:00"),
        ("0 0 0 31 apr *", None),
        ("0 0 0 * *", None),
        ("0 0 24 * * *", None),
        ("@daily", None),
    ],
)
def test_a_schedule_was_due_when_harbor_ran_it(cron: str, due: str | None) -> None:
    expected = datetime.fromisoformat(f"{due}+00:00") if due else None
    assert last_due(cron, NOW) == expected


@given(
    st.sampled_from(["*", "0", "5,35", "*/7", "10-20"]),
    st.sampled_from(["*", "3", "22-23", "*/5"]),
    st.sampled_from(["*", "1", "15-20", "31"]),
    st.sampled_from(["*", "0", "mon-fri", "2,4"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
)
def test_nothing_is_due_between_the_last_time_and_now(
    minute: str, hour: str, date: str, day: str, at: datetime
) -> None:
    cron, now = f"0 {minute} {hour} {date} * {day}", at.replace(tzinfo=UTC)
    due = last_due(cron, now)
    assert due is not None
    assert due <= now
    assert last_due(cron, due) == due
    assert last_due(cron, now - (now - due) / 2) == due


@pytest.mark.parametrize(
    ("schedule", "runs", "words"),
    [
        (None, [], ""),
        (DAILY, [run("Success", "2026-11-28T00:00:05Z")], ""),
        (DAILY, [run("Success", "2026-11-27T00:00:05Z")],
         "the garbage collection that was due on 2026-11-28 00:00 UTC has not run; its last run was on 2026-11-27"),
        (DAILY, [], "has not run; it never ran"),
        ({**DAILY, "update_time": "2026-11-28T09:00:00Z"}, [], ""),  # the schedule is newer
        (DAILY, [run("Error", "2026-11-28T00:00:05Z")], "the last garbage collection failed, 2026-11-28 00:00 UTC"),
        (None, [run("Error", "2026-11-20T00:00:05Z"), run("Success", "2026-11-21T00:00:05Z", 2)], ""),
        (DAILY, [run("Stopped", "2026-11-28T00:00:05Z")], ""),
        (None, [run("Running", "2026-11-28T00:00:05Z")], ""),
        (None, [run("Running", "2026-11-26T00:00:05Z")], "the garbage collection of 2026-11-26 00:00 UTC is running"),
    ],
)  # fmt: skip
def test_a_job_is_a_finding_when_its_last_run_is_not_what_it_should_be(
    schedule: dict[str, Any] | None, runs: list[dict[str, Any]], words: str
) -> None:
    found = list(job_findings(system_job(GC, schedule, runs), Watch(), NOW))
    assert [words in one.what for one in found] == ([True] if words else [])
    assert all(one.id == "job:gc" and "Clean Up" in one.remedy for one in found)


@given(st.integers(0, 400), st.integers(1, 48))
def test_a_job_that_ran_at_its_last_time_is_never_late(minutes: int, late: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    due = last_due("0 0 */4 * * *", now)
    assert due is not None
    last = system_job(GC, None, [run("Success", due.isoformat())]).last
    assert missed(Job("job:x", "x", "log", "0 0 */4 * * *", None, last), now - timedelta(hours=late)) is None


def test_a_replication_by_schedule_is_watched_by_it_and_others_by_their_last_run() -> None:
    policy = {
        "id": 3, "name": "to-standby", "enabled": True, "update_time": "2026-11-01T10:00:00Z",
        "trigger": {"type": "scheduled", "trigger_settings": {"cron": "0 0 * * * *"}},
    }  # fmt: skip
    failed = [{"id": 9, "status": "Failed", "start_time": "2026-11-28T11:00:00Z"}]
    (found,) = job_findings(replication_job(policy, failed), Watch(), NOW)
    assert (found.id, "replication to-standby failed" in found.what) == ("job:replication/to-standby", True)
    (late,) = job_findings(replication_job(policy, []), Watch(), NOW)
    assert "was due on 2026-11-28 06:00 UTC" in late.what
    by_event = {**policy, "trigger": {"type": "event_based"}}
    assert list(job_findings(replication_job(by_event, []), Watch(), NOW)) == []


@pytest.mark.parametrize(
    ("metrics", "total", "failed"),
    [({}, 0, False), ({"Success": 95, "Error": 5}, 100, False), ({"Success": 1, "Error": 1}, 2, True)],
)
def test_scans_are_a_finding_when_many_of_them_failed(metrics: dict[str, int], total: int, failed: bool) -> None:
    found = list(scan_findings({"metrics": metrics, "total": total}, Watch()))
    assert bool(found) == failed


def scanned(*began: str) -> list[dict[str, Any]]:
    return [{"scan_overview": {"application/vnd.report": {"scan_status": "Error", "start_time": one}}} for one in began]


@pytest.mark.parametrize(
    ("stats", "artifacts", "words"),
    [
        ({"total": 2}, scanned("2026-11-27T00:10:00Z", "2026-11-28T00:10:00Z"), ""),
        (
            {"total": 2},
            scanned("2026-11-26T00:10:00Z"),
            "was due on 2026-11-28 00:00 UTC has not run; its last run was",
        ),
        ({"total": 0}, [{}], "it never ran"),
        ({"total": 2}, [{}, {"scan_overview": None}], ""),  # no scanner takes them
        ({}, [], ""),  # nothing to scan
    ],
)
def test_a_scan_that_did_not_run_is_known_by_the_oldest_artifacts(
    stats: dict[str, Any], artifacts: list[dict[str, Any]], words: str
) -> None:
    job = scan_job(DAILY, stats, artifacts)
    found = [one.what for one in job_findings(job, Watch(), NOW)] if job else []
    assert [words in one for one in found] == ([True] if words else [])


def test_a_paused_queue_is_a_finding() -> None:
    queues = [{"job_type": "REPLICATION", "paused": True}, {"job_type": "WEBHOOK", "paused": False}]
    assert [one.id for one in queue_findings(queues)] == ["queue:REPLICATION"]


def test_harbors_time_of_nothing_is_none() -> None:
    assert moment("0001-01-01T00:00:00.000Z") is None
    assert moment(None) is None
    assert moment("2026-11-23T21:34:16.670Z") == datetime(2026, 11, 23, 21, 34, 16, 670_000, UTC)


@pytest.mark.parametrize(
    ("status", "began", "dry_run", "words"),
    [
        ("Success", "2026-11-28T00:00:01.000Z", False, ""),
        ("Error", "2026-11-28T00:00:01.000Z", False, "the last tag retention of shop failed, 2026-11-28 00:00 UTC"),
        ("Running", "2026-11-25T00:00:01.000Z", False, "the tag retention of shop of 2026-11-25 00:00 UTC is running"),
        (
            "Success",
            "2026-11-20T00:00:01.000Z",
            False,
            "due on 2026-11-28 00:00 UTC has not run; its last run",
        ),
        ("Error", "2026-11-28T00:00:01.000Z", True, ""),
    ],
)
def test_a_retention_is_judged_by_its_runs_but_not_by_dry_ones(
    status: str, began: str, dry_run: bool, words: str
) -> None:
    entry = {"id": 7, "policy_id": 2, "status": status, "start_time": began, "dry_run": dry_run}
    found = list(job_findings(retention_job("shop", "0 0 0 * * *", [entry]), Watch(), NOW))
    assert [words in one.what for one in found] == ([True] if words else [])
    assert {one.id for one in found} <= {"job:retention/shop"}
