"""Jobs: pods that run to their end, as often as wanted, until too many have failed.

Source  Kubernetes' pkg/controller/job (job_controller.go), without indexes and policies of failure.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from .. import kinds
from ..objects import (
    Object,
    clone,
    condition,
    dig,
    is_true,
    name_of,
    namespace_of,
    owner_reference,
    parse_time,
    set_condition,
    timestamp,
)
from .snapshot import Actions, Create, Delete, RecordEvent, Replace, Snapshot, is_active, is_leaving, is_ready

COMPONENT = "job-controller"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
RETRY_S, RETRY_LONGEST_S = 2.0, 30.0
"""Seconds between a failed pod and the next, doubled each time; a real controller's are 10 s to 10 minutes."""

REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
EXCEEDED = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")


def plan(snapshot: Snapshot) -> Actions:
    """Yield what every job needs next."""
    for job in snapshot.of(kinds.JOB):
        if is_leaving(job):
            continue
        run = Run(job, snapshot.owned(kinds.POD, job), snapshot.now)
        if is_finished(job):
            yield from _expire(job, snapshot.now)
        else:
            yield from run.actions()
            yield from run.told()


def is_finished(job: Object) -> bool:
    """Return whether a job is complete or has failed."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def _expire(job: Object, now: datetime) -> Actions:
    """Delete a finished job whose time to live is over."""
    kept = job["spec"].get("ttlSecondsAfterFinished")
    ended = condition(job, "Complete") or condition(job, "Failed")
    if kept is not None and ended and parse_time(ended["lastTransitionTime"]) + timedelta(seconds=kept) <= now:
        yield Delete(kinds.JOB, job, propagation="Foreground")


@dataclass(frozen=True)
class Run:
    """A job that is not finished, with its pods."""

    job: Object
    pods: list[Object]
    now: datetime

    @property
    def _spec(self) -> Object:
        spec: Object = self.job["spec"]
        return spec

    @cached_property
    def active(self) -> list[Object]:
        """Return the pods that have not ended."""
        return [pod for pod in self.pods if is_active(pod)]

    def _count(self, phase: str, field: str) -> int:
        """Return how many pods ended so; one that was deleted since still counts."""
        now = len([pod for pod in self.pods if dig(pod, "status", "phase") == phase])
        return max(now, int(dig(self.job, "status", field) or 0))

    @cached_property
    def succeeded(self) -> int:
        """Return how many pods succeeded."""
        return self._count("Succeeded", "succeeded")

    @cached_property
    def failed(self) -> int:
        """Return how many pods failed."""
        return self._count("Failed", "failed")

    @property
    def outcome(self) -> tuple[str, tuple[str, str]] | None:
        """Return the condition that ends the job, with reason and message; None while it goes on."""
        if self._is_late():
            return "Failed", TOO_LATE
        if self.failed > self._spec["backoffLimit"] or self._restarts_too_often():
            return "Failed", EXCEEDED
        wanted = self._spec.get("completions")
        done = self.succeeded >= wanted if wanted is not None else bool(self.succeeded and not self.active)
        return ("Complete", REACHED) if done else None

    def _is_late(self) -> bool:
        limit, started = self._spec.get("activeDeadlineSeconds"), dig(self.job, "status", "startTime")
        return bool(limit and started and parse_time(started) + timedelta(seconds=limit) <= self.now)

    def _restarts_too_often(self) -> bool:
        if self._spec["template"]["spec"]["restartPolicy"] != "OnFailure":
            return False
        statuses = [one for pod in self.active for one in dig(pod, "status", "containerStatuses") or []]
        restarts = sum(int(one.get("restartCount", 0)) for one in statuses)
        return restarts > 0 and restarts >= self._spec["backoffLimit"]

    @property
    def _wanted(self) -> int:
        """Return how many pods should run now."""
        if self._spec["suspend"] or self.outcome:
            return 0
        completions = self._spec.get("completions")
        if completions is None:
            return len(self.active) if self.succeeded else int(self._spec["parallelism"])
        return min(int(self._spec["parallelism"]), int(completions) - self.succeeded)

    def actions(self) -> Actions:
        """Yield pods to create or to delete."""
        missing = self._wanted - len(self.active)
        if missing > 0 and self._may_retry() and dig(self.job, "status", "startTime"):
            for _ in range(missing):
                pod = new_pod(self.job)
                yield Create(kinds.POD, pod, self._event("SuccessfulCreate", f"Created pod: {name_of(pod)}"))
        for pod in self.active[: max(0, -missing)]:
            yield Delete(kinds.POD, pod)
            yield self._event("SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _may_retry(self) -> bool:
        """Return whether the pause after the last failure is over."""
        ends = [end for pod in self.pods if dig(pod, "status", "phase") == "Failed" and (end := _ended(pod))]
        pause_s = min(RETRY_S * 2 ** max(0, self.failed - 1), RETRY_LONGEST_S)
        return not ends or max(ends) + timedelta(seconds=pause_s) <= self.now

    def told(self) -> Actions:
        """Yield the job's status if it changed, and the event of its end."""
        out = clone(self.job)
        out["status"] = self.status()
        if out["status"] == self.job.get("status"):
            return
        yield Replace(kinds.JOB, out, status=True)
        if is_finished(out) and self.outcome:
            kind, (reason, message) = self.outcome
            complete = kind == "Complete"
            words = "Job completed" if complete else message
            yield self._event("Completed" if complete else reason, words, warning=not complete)

    def status(self) -> Object:
        """Return the job's status."""
        old: Object = self.job.get("status", {})
        counts = {
            "active": len(self.active),
            "ready": sum(map(is_ready, self.active)),
            "succeeded": self.succeeded,
            "failed": self.failed,
        }
        status: Object = {name: number for name, number in counts.items() if number or name == "ready"}
        status |= {"terminating": sum(map(is_leaving, self.pods)), "uncountedTerminatedPods": {}}
        suspended = bool(self._spec["suspend"])
        if not suspended:
            status["startTime"] = old.get("startTime") or timestamp(self.now)
        conditions = self._conditions(list(old.get("conditions", [])), suspended)
        if self.outcome and self.outcome[0] == "Complete" and not self.active:
            status["completionTime"] = timestamp(self.now)
        return status | ({"conditions": conditions} if conditions else {})

    def _conditions(self, known: list[Object], suspended: bool) -> list[Object]:
        was = next((one for one in known if one["type"] == "Suspended"), None)
        if suspended and not (was and was["status"] == "True"):
            known = self._with(known, "Suspended", "True", "JobSuspended", "Job suspended")
        elif was and was["status"] == "True" and not suspended:
            known = self._with(known, "Suspended", "False", "JobResumed", "Job resumed")
        if self.outcome is None:
            return known
        kind, (reason, message) = self.outcome
        target = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        if not any(one["type"] == target for one in known):
            known = self._with(known, target, "True", reason, message)
        return known if self.active else self._with(known, kind, "True", reason, message)

    def _with(self, known: list[Object], kind: str, status: str, reason: str, message: str) -> list[Object]:
        at = timestamp(self.now)
        new = {"type": kind, "status": status, "reason": reason, "message": message}
        return set_condition(known, new | {"lastProbeTime": at, "lastTransitionTime": at})

    def _event(self, reason: str, words: str, warning: bool = False) -> RecordEvent:
        return RecordEvent(kinds.JOB, self.job, COMPONENT, reason, words, "Warning" if warning else "Normal")


def _ended(pod: Object) -> datetime | None:
    """Return when the last of a pod's containers ended."""
    statuses = dig(pod, "status", "containerStatuses") or []
    ends = [end for one in statuses if (end := dig(one, "state", "terminated", "finishedAt"))]
    return parse_time(max(ends)) if ends else None


def new_pod(job: Object) -> Object:
    """Return a job's next pod."""
    template = clone(job["spec"]["template"])
    prefix = f"{name_of(job)}-"
    metadata = template.get("metadata", {})
    metadata |= {
        "generateName": prefix,
        "name": prefix + "".join(random.choices(ALPHABET, k=5)),  # noqa: S311
        "namespace": namespace_of(job),
        "ownerReferences": [owner_reference("batch/v1", "Job", job)],
    }
    return {"metadata": metadata, "spec": template["spec"]}
