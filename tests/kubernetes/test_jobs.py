"""Jobs and cron jobs: pods that end, how often they are tried again, and when the next job starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.cron import ScheduleError, parse
from moor_lab.kubernetes.standin.errors import ApiError
from moor_lab.kubernetes.standin.objects import Object, condition, dig, is_true, name_of
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import cron_job, job


def the_job(fleet: Fleet, name: str = "sum") -> Object:
    return fleet.cluster.store.get(kinds.JOB, "demo", name)


def jobs(fleet: Fleet) -> list[str]:
    return [name_of(one) for one in fleet.cluster.store.select(kinds.JOB, "demo")[0]]


def messages(fleet: Fleet) -> set[str]:
    return {one["message"] for one in fleet.cluster.store.select(kinds.EVENT, "demo")[0]}


def running(fleet: Fleet) -> list[Object]:
    return [pod for pod in fleet.pods("sum") if pod["status"]["phase"] == "Running"]


def later(fleet: Fleet, seconds: float) -> None:
    fleet.clock.turn(seconds)
    for name in ("n1", "n2", "n3"):
        fleet.beat(name)
    fleet.settle()


def test_a_job_runs_as_often_as_wanted_and_is_complete(fleet: Fleet) -> None:
    fleet.apply(kinds.JOB, job(completions=3, parallelism=2))
    fleet.settle()
    assert (len(running(fleet)), the_job(fleet)["status"]["active"], the_job(fleet)["status"]["ready"]) == (2, 2, 2)
    while running(fleet):
        fleet.finish(running(fleet)[0])
        fleet.settle()
    status = the_job(fleet)["status"]
    assert (status["succeeded"], status["ready"]) == (3, 0)
    assert status["completionTime"]
    told = condition(the_job(fleet), "Complete") or {}
    assert (told["reason"], told["message"]) == ("CompletionsReached", "Reached expected number of succeeded pods")
    assert is_true(the_job(fleet), "SuccessCriteriaMet")
    assert "Job completed" in messages(fleet)
    labels = fleet.pods("sum")[0]["metadata"]["labels"]
    assert labels["batch.kubernetes.io/controller-uid"] == the_job(fleet)["metadata"]["uid"]
    assert labels["job-name"] == "sum"
    version = fleet.cluster.store.version
    fleet.settle()
    assert fleet.cluster.store.version == version


def test_failed_pods_are_tried_again_with_pauses_until_the_limit(fleet: Fleet) -> None:
    fleet.apply(kinds.JOB, job(backoffLimit=1))
    fleet.settle()
    fleet.finish(running(fleet)[0], "Failed")
    fleet.settle()
    assert not running(fleet)
    later(fleet, 5)
    fleet.finish(running(fleet)[0], "Failed")
    fleet.settle()
    assert the_job(fleet)["status"]["failed"] == 2
    for kind in ("FailureTarget", "Failed"):
        told = condition(the_job(fleet), kind) or {}
        assert told["reason"] == "BackoffLimitExceeded"
        assert told["message"] == "Job has reached the specified backoff limit"


def test_a_job_that_takes_too_long_loses_its_pods(fleet: Fleet) -> None:
    fleet.apply(kinds.JOB, job(activeDeadlineSeconds=60))
    fleet.settle()
    later(fleet, 61)
    assert (condition(the_job(fleet), "Failed") or {})["reason"] == "DeadlineExceeded"
    assert not fleet.pods("sum")


def test_a_suspended_job_has_no_pods_and_a_finished_one_may_end(fleet: Fleet) -> None:
    fleet.apply(kinds.JOB, job(suspend=True))
    fleet.settle()
    assert not fleet.pods("sum")
    assert is_true(the_job(fleet), "Suspended")
    fleet.apply(kinds.JOB, job(suspend=False, ttlSecondsAfterFinished=30))
    fleet.settle()
    fleet.finish(running(fleet)[0])
    fleet.settle()
    assert is_true(the_job(fleet), "Complete")
    later(fleet, 31)
    assert (jobs(fleet), fleet.pods("sum")) == ([], [])


def test_what_a_job_cannot_be_is_refused_as_by_a_real_one(fleet: Fleet) -> None:
    with pytest.raises(ApiError) as refused:
        fleet.apply(kinds.JOB, job(template={"spec": {"containers": [{"name": "web", "image": "i:1"}]}}))
    words = 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    assert str(refused.value) == f'Job.batch "sum" is invalid: {words}'
    fleet.apply(kinds.JOB, job())
    with pytest.raises(ApiError, match=r"spec.template: Invalid value: .*: field is immutable"):
        fleet.apply(kinds.JOB, job("registry.test/demo/web:2"))


@pytest.mark.parametrize(
    ("asked", "left"), [({}, 1), ({"propagationPolicy": "Background"}, 0), ({"propagationPolicy": "Foreground"}, 0)]
)
def test_a_deleted_job_leaves_its_pods_unless_told_otherwise(fleet: Fleet, asked: Object, left: int) -> None:
    fleet.apply(kinds.JOB, job())
    fleet.settle()
    fleet.cluster.delete(kinds.JOB, "demo", "sum", asked)
    fleet.settle()
    assert len(fleet.pods("sum")) == left
    assert jobs(fleet) == []


def test_a_cron_job_starts_a_job_at_its_times_and_keeps_the_last(fleet: Fleet) -> None:
    fleet.apply(kinds.CRON_JOB, cron_job(successfulJobsHistoryLimit=1))
    fleet.settle()
    assert jobs(fleet) == []
    for number in range(1, 4):
        later(fleet, 300)
        fleet.finish(running(fleet)[0])
        fleet.settle()
        minutes = int(fleet.clock.now.timestamp()) // 60
        assert jobs(fleet) == [f"tidy-{minutes}"]
        assert len(fleet.pods("sum")) == 1, number
    told = fleet.cluster.store.get(kinds.CRON_JOB, "demo", "tidy")["status"]
    assert told["lastScheduleTime"] == told["lastSuccessfulTime"] == "2026-01-01T00:15:00Z"
    assert "active" not in told
    assert {f"Created job tidy-{minutes}", f"Saw completed job: tidy-{minutes}, condition: Complete"} <= messages(fleet)


@pytest.mark.parametrize(("policy", "running_jobs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_job_that_still_runs_meets_the_policy(fleet: Fleet, policy: str, running_jobs: int) -> None:
    fleet.apply(kinds.CRON_JOB, cron_job(concurrencyPolicy=policy))
    fleet.settle()
    later(fleet, 300)
    first = jobs(fleet)
    later(fleet, 300)
    assert len(jobs(fleet)) == running_jobs
    assert (first[0] in jobs(fleet)) is (policy != "Replace")
    active = dig(fleet.cluster.store.get(kinds.CRON_JOB, "demo", "tidy"), "status", "active") or []
    assert sorted(one["name"] for one in active) == jobs(fleet)


def test_a_suspended_cron_job_waits_and_a_deleted_one_takes_its_jobs_along(fleet: Fleet) -> None:
    fleet.apply(kinds.CRON_JOB, cron_job(suspend=True))
    later(fleet, 600)
    assert jobs(fleet) == []
    fleet.apply(kinds.CRON_JOB, cron_job(suspend=False))
    later(fleet, 300)
    assert len(jobs(fleet)) == 1
    fleet.cluster.delete(kinds.CRON_JOB, "demo", "tidy")
    fleet.settle()
    assert (jobs(fleet), fleet.pods("sum")) == ([], [])


@pytest.mark.parametrize(
    ("schedule", "since", "until", "last"),
    [
        ("*/5 * * * *", "2026-01-01T00:00", "2026-01-01T00:04", None),
        ("*/5 * * * *", "2026-01-01T00:00", "2026-01-01T00:12", "2026-01-01T00:10"),
        ("30 3 * * mon-fri", "2026-01-01T00:00", "2026-01-04T12:00", "2026-01-02T03:30"),
        ("0 0 13 * 5", "2026-01-01T00:00", "2026-01-13T08:00", "2026-01-13T00:00"),
        ("0 0 13 * 5", "2026-01-01T00:00", "2026-01-12T08:00", "2026-01-09T00:00"),
        ("0 12 29 feb *", "2020-01-01T00:00", "2026-01-01T00:00", "2024-02-29T12:00"),
        ("@hourly", "2026-01-01T00:30", "2026-01-01T01:10", "2026-01-01T01:00"),
        ("0 0 * * 7", "2026-01-01T00:00", "2026-01-10T00:00", "2026-01-04T00:00"),
        ("0 0 30 2 *", "2000-01-01T00:00", "2026-01-01T00:00", None),
    ],
)
def test_the_last_time_of_a_schedule(schedule: str, since: str, until: str, last: str | None) -> None:
    found = parse(schedule).last(*(datetime.fromisoformat(f"{text}:00+00:00") for text in (since, until)))
    assert (found and found.isoformat()) == (last and f"{last}:00+00:00")


@given(
    st.lists(st.integers(0, 59), min_size=1, max_size=3),
    st.lists(st.integers(0, 23), min_size=1, max_size=3),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_the_last_time_is_one_of_the_schedule_and_none_is_later(
    minutes: list[int], hours: list[int], until: datetime
) -> None:
    schedule = parse(f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *")
    found = schedule.last(until - timedelta(days=2), until)
    assert found is not None
    assert (found.minute in minutes, found.hour in hours) == (True, True)
    assert schedule.last(found, until) is None


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("61 * * * *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(fleet: Fleet, schedule: str, words: str) -> None:
    with pytest.raises(ScheduleError):
        parse(schedule)
    with pytest.raises(ApiError) as refused:
        fleet.apply(kinds.CRON_JOB, cron_job(schedule))
    assert str(refused.value).endswith(f'spec.schedule: Invalid value: "{schedule}": {words}')
