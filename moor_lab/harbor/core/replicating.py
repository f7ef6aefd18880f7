"""What replication does: it copies artifacts between this registry and another one, in threads of its own."""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.copying import copy, delete
from moor_lab.harbor.core.endpoint import connect
from moor_lab.harbor.core.errors import Refusal
from moor_lab.harbor.core.replication_rules import chooses, is_due, renamed
from moor_lab.harbor.core.repositories import artifacts_of, tags_of
from moor_lab.harbor.core.service import Core
from moor_lab.harbor.core.store import Record

RUNNING, SUCCEEDED, FAILED, STOPPED = "InProgress", "Succeed", "Failed", "Stopped"
COUNTS = {RUNNING: "in_progress", SUCCEEDED: "succeed", FAILED: "failed", STOPPED: "stopped"}
VENDOR = "REPLICATION"  # runs of all kinds are counted together
COPY, DELETION = "copy", "deletion"
ERRORS = (httpx.HTTPError, Refusal, OSError, KeyError, ValueError)


class Stopped(Exception):
    """Somebody stopped the execution."""


@dataclass(frozen=True)
class Work:
    """One repository to replicate.

    Attributes:
        references: tags, and digests of artifacts without one.
        operation: ``copy`` or ``deletion``.
    """

    repository: str
    references: tuple[str, ...]
    operation: str = COPY


def start(core: Core, policy: Record, trigger: str, work: Sequence[Work] | None = None) -> Record:
    """Begin an execution; without ``work`` of everything that the policy chooses."""
    body: dict[str, Any] = {"vendor": VENDOR, "vendor_id": policy.id, "policy_id": policy.id, "trigger": trigger}
    body |= {"status": RUNNING, "status_text": "", "total": 0}
    body |= dict.fromkeys(COUNTS.values(), 0) | {"start_time": now(), "end_time": NEVER}
    execution = core.store.add("execution", uuid.uuid4().hex, body)
    core.jobs.begin(lambda: _run(core, policy, execution, work))
    return execution


def stop(core: Core, execution: Record) -> None:
    """Stop an execution, after the artifact that it copies."""
    if execution.body["status"] == RUNNING:
        execution.body |= {"status": STOPPED, "end_time": now()}
        core.store.put(execution)


def _run(core: Core, policy: Record, execution: Record, work: Sequence[Work] | None) -> None:
    try:
        todo = list(work if work is not None else chosen_work(core, policy.body))
    except ERRORS as error:
        _end(core, execution, FAILED, str(error))
        return
    tasks = [core.store.add("task", uuid.uuid4().hex, _task(execution, policy.body, one)) for one in todo]
    for one, task in zip(todo, tasks, strict=True):
        task.body |= {"status": _outcome(core, policy.body, execution, one), "end_time": now()}
        core.store.put(task)
    statuses = [task.body["status"] for task in tasks]
    for status, count in COUNTS.items():
        execution.body[count] = statuses.count(status)
    execution.body["total"] = len(tasks)
    worst = next((one for one in (STOPPED, FAILED) if one in statuses), SUCCEEDED)
    _end(core, execution, worst, "" if tasks else "no resources need to be replicated")


def _task(execution: Record, policy: Mapping[str, Any], work: Work) -> dict[str, Any]:
    items = f"[{len(work.references)} item(s) in total]"
    return {
        "execution_id": execution.id,
        "status": RUNNING,
        "job_id": uuid.uuid4().hex[:24],
        "operation": work.operation,
        "resource_type": "image",
        "src_resource": f"{work.repository} {items}",
        "dst_resource": f"{renamed(policy, work.repository)} {items}",
        "start_time": now(),
        "end_time": NEVER,
    }


def _outcome(core: Core, policy: Mapping[str, Any], execution: Record, work: Work) -> str:
    """Replicate one repository and return how it ended."""
    try:
        for reference in work.references:
            _check_stopped(core, execution)
            if work.operation == COPY:
                copy(core, policy, work.repository, reference)
            else:
                delete(core, policy, work.repository, reference)
    except Stopped:
        return STOPPED
    except ERRORS:
        return FAILED
    return SUCCEEDED


def _check_stopped(core: Core, execution: Record) -> None:
    current = core.store.get("execution", execution.id)
    if current is None or current.body["status"] == STOPPED:
        raise Stopped


def _end(core: Core, execution: Record, status: str, words: str) -> None:
    execution.body |= {"status": status, "status_text": words, "end_time": now()}
    core.store.put(execution)


def chosen_work(core: Core, policy: Mapping[str, Any]) -> Iterator[Work]:
    """Yield what a policy chooses at its source."""
    source = core.store.get("registry", policy["src"]) if policy["src"] else None
    for repository, references in _remote(core, source.body, policy) if source else _local(core):
        kept = tuple(one for one in references if chooses(policy, repository, one))
        if kept:
            yield Work(repository, kept)


def _local(core: Core) -> Iterator[tuple[str, list[str]]]:
    for repository in core.store.all("repository"):
        references = list[str]()
        for artifact in artifacts_of(core.store, repository):
            tags = [tag.body["name"] for tag in tags_of(core.store, artifact)]
            references += tags or [artifact.body["digest"]]
        yield repository.name, references


def _remote(core: Core, source: Mapping[str, Any], policy: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    with connect(core, source) as client:
        names = client.get("/v2/_catalog").raise_for_status().json()["repositories"]
        for name in (one for one in names if chooses(policy, one)):
            yield name, client.get(f"/v2/{name}/tags/list").raise_for_status().json().get("tags") or []


def on_push(core: Core, repository: str, digest: str, tag: str) -> None:
    """Begin the executions of the policies that a push triggers."""
    for policy in _triggered(core, repository, tag):
        start(core, policy, "event_based", [Work(repository, (tag or digest,))])


def on_delete(core: Core, repository: str, digest: str) -> None:
    """Begin the executions of the policies that carry deletions over."""
    for policy in _triggered(core, repository, ""):
        if policy.body["replicate_deletion"]:
            start(core, policy, "event_based", [Work(repository, (digest,), DELETION)])


def _triggered(core: Core, repository: str, tag: str) -> list[Record]:
    return [
        one
        for one in core.store.all("replication")
        if one.body["enabled"]
        and not one.body["src"]
        and one.body["trigger"]["type"] == "event_based"
        and chooses(one.body, repository, tag)
    ]


def run_due(core: Core, moment: datetime) -> None:
    """Begin the executions of the policies whose schedule names this minute."""
    for policy in core.store.all("replication"):
        trigger = policy.body["trigger"]
        if policy.body["enabled"] and trigger["type"] == "scheduled":
            cron = trigger["trigger_settings"]["cron"]
            if is_due(cron, moment):
                start(core, policy, "scheduled")


def keep_schedules(core: Core) -> None:
    """Look at every full minute for schedules that are due; never return."""
    while True:
        time.sleep(60 - time.time() % 60)
        run_due(core, datetime.now(UTC))
