"""Jobs of Harbor that failed, take too long, or have not run when they should have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moor.engine.findings import Finding
from moor.tasks.watched.cron import last_due
from moor.tasks.watched.settings import Watch

FAILED = frozenset({"error", "failed"})
RUNNING = frozenset({"running", "pending", "scheduled", "inprogress"})
TOLERANCE = timedelta(minutes=5)  # between the clock of the job service and that of the database
GENERAL = "is the job service healthy (moor check)?"


@dataclass(frozen=True)
class JobRun:
    """One run of a job."""

    number: int
    status: str
    began: datetime


@dataclass(frozen=True)
class Job:
    """A job of Harbor, with its schedule and its last run.

    Attributes:
        id: of the finding.
        name: such as ``garbage collection``.
        log: where to read what it did.
        cron: empty without a schedule.
        scheduled: when the schedule was set.
        last: None if it never ran.
    """

    id: str
    name: str
    log: str
    cron: str = ""
    scheduled: datetime | None = None
    last: JobRun | None = None


def job_findings(job: Job, watch: Watch, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with a job; a job that somebody stopped is right."""
    last = job.last
    if last and last.status.lower() in FAILED:
        words = f"the last {job.name} failed, {_shown(last.began)}"
        yield Finding(job.id, words, f"read why in {job.log}, mend it, and run it there again; {GENERAL}")
    elif last and last.status.lower() in RUNNING and now - last.began > timedelta(hours=watch.job_longest_hours):
        words = f"the {job.name} of {_shown(last.began)} is {last.status.lower()} since then"
        yield Finding(job.id, words, f"stop it in {job.log}, and run it again; {GENERAL}")
    elif due := missed(job, now - timedelta(hours=watch.job_late_hours)):
        former = f"its last run was on {_shown(last.began)}" if last else "it never ran"
        words = f"the {job.name} that was due on {_shown(due)} has not run; {former}"
        yield Finding(job.id, words, f"run it in {job.log}; {GENERAL}")


def missed(job: Job, until: datetime) -> datetime | None:
    """Return the last time at or before ``until`` that a job should have run and did not; None if there is none."""
    due = last_due(job.cron, until) if job.cron else None
    if due is None or (job.scheduled is not None and job.scheduled >= due):
        return None
    return due if job.last is None or job.last.began < due - TOLERANCE else None


def moment(text: object) -> datetime | None:
    """Return a time of Harbor's; None for none, which Harbor writes as the year 1."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return None if found.year == 1 else found


def run_of(entry: Mapping[str, Any], status: str, began: str) -> JobRun | None:
    """Return a run by an entry of a list of Harbor's.

    Args:
        status: the name of the field with its status.
        began: the name of the field with its beginning.
    """
    when = moment(entry.get(began))
    return JobRun(int(entry["id"]), str(entry.get(status) or ""), when) if when else None


def newest(runs: Iterator[JobRun | None]) -> JobRun | None:
    """Return the newest run; of two that began in one moment, the one with the higher number."""
    return max((run for run in runs if run), key=lambda run: (run.began, run.number), default=None)


def system_job(job: Job, schedule: Mapping[str, Any] | None, runs: list[dict[str, Any]]) -> Job:
    """Return garbage collection or another job of the system, with its schedule and last run.

    Args:
        job: what it is called.
        schedule: Harbor's answer; empty or None without one.
        runs: Harbor's list, of which some are those of a schedule and others of a person.
    """
    known = schedule or {}
    cron = str((known.get("schedule") or {}).get("cron") or "")
    last = newest(run_of(run, "job_status", "creation_time") for run in runs)
    return Job(job.id, job.name, job.log, cron, moment(known.get("update_time")), last)


def replication_job(policy: Mapping[str, Any], executions: list[dict[str, Any]]) -> Job:
    """Return a replication rule as a job; one by hand or by event has no schedule."""
    trigger = policy.get("trigger") or {}
    cron = (trigger.get("trigger_settings") or {}).get("cron") if trigger.get("type") == "scheduled" else ""
    name = policy["name"]
    return Job(
        f"job:replication/{name}",
        f"replication {name}",
        f"Harbor's portal, Replications, {name}",
        str(cron or ""),
        moment(policy.get("update_time")),
        newest(run_of(run, "status", "start_time") for run in executions),
    )


def queue_findings(queues: list[dict[str, Any]]) -> Iterator[Finding]:
    """Yield a finding for each queue of the job service that somebody has paused."""
    for queue in queues:
        if queue.get("paused"):
            name = str(queue["job_type"])
            words = f"the queue {name} of Harbor's job service is paused, so that its jobs do not run"
            yield Finding(f"queue:{name}", words, "resume it in Harbor's portal, Job Service Dashboard, Queues")


def _shown(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
