"""Cron jobs: jobs at the times of a schedule, and how many finished ones are kept.

Source  Kubernetes' pkg/controller/cronjob (cronjob_controllerv2.go).
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import kinds
from ..cron import parse
from ..objects import Object, clone, dig, is_true, name_of, namespace_of, owner_reference, parse_time, timestamp, uid_of
from .jobs import is_finished
from .snapshot import Actions, Create, Delete, RecordEvent, Replace, Snapshot, is_leaving

COMPONENT = "cronjob-controller"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def plan(snapshot: Snapshot) -> Actions:
    """Yield what every cron job needs next."""
    for cron_job in snapshot.of(kinds.CRON_JOB):
        if not is_leaving(cron_job):
            jobs = sorted(snapshot.owned(kinds.JOB, cron_job), key=name_of)
            yield from _finished(cron_job, jobs)
            yield from _started(cron_job, jobs, snapshot.now)
            yield from _forgotten(cron_job, jobs)


def _finished(cron_job: Object, jobs: list[Object]) -> Actions:
    """Yield the status without finished jobs, and the events about them."""
    known = {one["uid"] for one in dig(cron_job, "status", "active") or []}
    out = clone(cron_job)
    status = out.setdefault("status", {})
    status["active"] = [_reference(job) for job in jobs if not is_finished(job)]
    ends = [end for job in jobs if is_true(job, "Complete") and (end := dig(job, "status", "completionTime"))]
    status |= {"lastSuccessfulTime": max(ends)} if ends else {}
    for job in jobs:
        if uid_of(job) in known and is_finished(job):
            ended = "Complete" if is_true(job, "Complete") else "Failed"
            yield _event(cron_job, "SawCompletedJob", f"Saw completed job: {name_of(job)}, condition: {ended}")
    if not status["active"]:
        del status["active"]
    before = {key: value for key, value in cron_job.get("status", {}).items() if key != "active"}
    ids = {one["uid"] for one in status.get("active", [])}
    if ids != known or before != {key: value for key, value in status.items() if key != "active"}:
        yield Replace(kinds.CRON_JOB, out, status=True)


def _reference(job: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": name_of(job),
        "namespace": namespace_of(job),
        "resourceVersion": job["metadata"]["resourceVersion"],
        "uid": uid_of(job),
    }


def _started(cron_job: Object, jobs: list[Object], now: datetime) -> Actions:
    """Yield the job that is due, as the policy about those that still run allows."""
    spec = cron_job["spec"]
    if spec["suspend"]:
        return
    try:
        due = due_at(cron_job, now)
    except (ZoneInfoNotFoundError, ValueError):
        words = f'invalid timezone: "{spec["timeZone"]}": unknown time zone {spec["timeZone"]}'
        yield _event(cron_job, "UnknownTimeZone", words, "Warning")
        return
    if due is None:
        return
    if any(name_of(job) == job_name(cron_job, due) for job in jobs):
        yield _noted(cron_job, due)
        return
    active = [job for job in jobs if not is_finished(job)]
    if active and spec["concurrencyPolicy"] == "Forbid":
        words = "Not starting job because prior execution is running and concurrency policy is Forbid"
        yield _event(cron_job, "JobAlreadyActive", words)
        return
    if spec["concurrencyPolicy"] == "Replace":
        for job in active:
            yield Delete(kinds.JOB, job)
            yield _event(cron_job, "SuccessfulDelete", f"Deleted job {name_of(job)}")
    name = job_name(cron_job, due)
    yield Create(kinds.JOB, new_job(cron_job, due), _event(cron_job, "SuccessfulCreate", f"Created job {name}"))
    yield _noted(cron_job, due)


def _noted(cron_job: Object, due: datetime) -> Replace:
    out = clone(cron_job)
    out.setdefault("status", {})["lastScheduleTime"] = timestamp(due)
    return Replace(kinds.CRON_JOB, out, status=True)


def due_at(cron_job: Object, now: datetime) -> datetime | None:
    """Return the latest time of the schedule that has had no job; None if nothing is due.

    Raises:
        ZoneInfoNotFoundError: the time zone is not known here
    """
    spec = cron_job["spec"]
    since = parse_time(dig(cron_job, "status", "lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
    deadline_s = spec.get("startingDeadlineSeconds")
    if deadline_s is not None:
        since = max(since, now - timedelta(seconds=deadline_s))
    zone = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
    found = parse(spec["schedule"]).last(since.astimezone(zone), now.astimezone(zone))
    return found.astimezone(UTC) if found else None


def job_name(cron_job: Object, due: datetime) -> str:
    """Return the name of the job of one time: the same however often it is tried."""
    return f"{name_of(cron_job)}-{int(due.timestamp()) // 60}"


def new_job(cron_job: Object, due: datetime) -> Object:
    """Return the job of one time of the schedule."""
    template = clone(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata", {})
    return {
        "metadata": {
            **metadata,
            "name": job_name(cron_job, due),
            "namespace": namespace_of(cron_job),
            "annotations": metadata.get("annotations", {}) | {SCHEDULED: timestamp(due)},
            "ownerReferences": [owner_reference("batch/v1", "CronJob", cron_job)],
        },
        "spec": template["spec"],
    }


def _forgotten(cron_job: Object, jobs: list[Object]) -> Actions:
    """Yield deletions of finished jobs beyond the numbers that are kept."""
    spec = cron_job["spec"]
    for ended, kept in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        found = [job for job in jobs if is_true(job, ended) and not is_leaving(job)]
        for job in found[: max(0, len(found) - int(spec[kept]))]:
            yield Delete(kinds.JOB, job)
            yield _event(cron_job, "SuccessfulDelete", f"Deleted job {name_of(job)}")


def _event(cron_job: Object, reason: str, words: str, kind: Literal["Normal", "Warning"] = "Normal") -> RecordEvent:
    return RecordEvent(kinds.CRON_JOB, cron_job, COMPONENT, reason, words, kind)
