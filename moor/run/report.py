"""What a run found and did, as values, for people and for programs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Result, Task
from pydantic_core import to_json

from moor.connections.names import connection_of
from moor.engine.findings import EXAMINED, Expiry, Finding, FindingState
from moor.engine.plan import printable, printable_line
from moor.engine.results import Cause, FindingResult, ResourceResult, Status
from moor.errors import ErrorKind, MoorError, kind_of_error
from moor.processors import QuietProcessor
from moor.run.runbook import Skipped

SCHEMA = 1  # raised when a field of the JSON changes its meaning or goes


@dataclass
class ResourceReport:
    """One resource of one host; ``stage`` is the task that owns it, ``error_kind`` None unless it failed."""

    id: str
    status: Status
    diff: str = ""
    stage: str = ""
    error: str = ""
    causes: list[Cause] = field(default_factory=list)
    waived: str = ""
    first_seen: str = ""
    error_kind: ErrorKind | None = None


@dataclass
class HostReport:
    """One host: whether it was reached, what went wrong first, and its resources in working order.

    Attributes:
        unexamined: why something of it is not known, one text a task; empty where all that was asked was answered
        skipped: a stage was not run on it because others failed; ``error`` says which
        error_kind: what sort of trouble ``error`` is; None where there is none
        unexamined_kinds: that of each of ``unexamined``
    """

    reached: bool = False
    error: str = ""
    resources: list[ResourceReport] = field(default_factory=list)
    unexamined: list[str] = field(default_factory=list)
    skipped: bool = False
    error_kind: ErrorKind | None = None
    unexamined_kinds: list[ErrorKind] = field(default_factory=list)

    def fail(self, words: str, kind: ErrorKind, *, examined: bool = False) -> None:
        """Note an error; the first is the host's own.

        Args:
            words: for the user.
            kind: what sort of trouble it is.
            examined: nothing is unknown for it, since a resource tells it.
        """
        if not self.error:
            self.error, self.error_kind = words, kind
        if not examined:
            self.unexamined.append(words)
            self.unexamined_kinds.append(kind)

    def count(self, status: Status) -> int:
        """Count the resources of one status."""
        return sum(resource.status == status for resource in self.resources)


@dataclass
class RunReport:
    """One run over the fleet."""

    run: str
    runbook: str
    hosts: dict[str, HostReport]
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    duration_s: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    command: str = ""
    expiries: list[Expiry] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)  # tasks that no host failed at
    warnings: list[str] = field(default_factory=list)  # what went wrong beside the fleet, such as history
    mended: RunReport | None = None  # what a drift check that mends has done before it looked again

    @property
    def failed(self) -> bool:
        """Return whether a host failed, was not reached or was skipped."""
        return any(host.error for host in self.hosts.values())

    @property
    def differs(self) -> bool:
        """Return whether something is not as it should be, though it was read well."""
        return any(host.count("drift") for host in self.hosts.values())

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Note the hosts that a stage was not run on, unless the host says why itself, and what an apply would skip."""
        foreseen: dict[str, list[str]] = {}
        for part in skipped:
            if part.foreseen:
                foreseen.setdefault(part.reason, []).append(part.stage)
            for name in part.hosts if not part.foreseen else ():
                if not self.hosts[name].error:
                    self.hosts[name].fail(f"skipped at {part.stage}: {part.reason}", ErrorKind.SKIPPED)
                    self.hosts[name].skipped = True
        for reason, stages in foreseen.items():
            self.warnings.append(f"an apply would skip {', '.join(dict.fromkeys(stages))}, since {reason}")

    def json(self) -> str:
        """Write the object that ``--output json`` prints."""
        # Python's own json is in C only as long as nobody wants lines; here they cost nothing.
        text = to_json({"schema": SCHEMA, **vars(self)}, indent=2, ensure_ascii=True).decode()
        return text.replace("\x7f", "\\u007f")  # ASCII, but nothing to show on a terminal


class Collector(QuietProcessor):
    """Nornir processor that fills a report as results come in."""

    def __init__(self, report: RunReport) -> None:
        self.report = report
        self.busy: dict[str, str] = {}  # host to the task that runs on it now
        self.ended: set[tuple[str, str]] = set()  # host and task
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def stop(self, elsewhere: Mapping[str, str]) -> None:
        """Take nothing more, for good: a task that would begin from now on waits before its first step.

        Args:
            elsewhere: what is under way beyond this process and was not heard of yet, host to task
        """
        self._lock.acquire()
        self.busy |= {name: task for name, task in elsewhere.items() if (name, task) not in self.ended}

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """Keep the time that the run has taken so far."""
        self.report.duration_s = round(time.monotonic() - self._began, 3)
        if not result.failed:
            self.report.answered.append(task.name)

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Note what the host is at."""
        with self._lock:
            self.busy[host.name] = task.name

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Take the task's sub-results, which are its resources, and its error."""
        found = [_resource(task.name, sub) for sub in result[1:] if isinstance(sub, ResourceResult)]
        error = error_of(result[0])
        with self._lock:
            self.busy.pop(host.name, None)
            self.ended.add((host.name, task.name))
            entry = self.report.hosts.setdefault(host.name, HostReport())
            entry.reached = entry.reached or connection_of(host) in host.connections
            entry.resources.extend(one for one in found if not _told(one, entry.resources))
            if error:
                told = any(resource.status == "failed" for resource in found)
                entry.fail(error, kind_of_error(result[0].exception), examined=told)
            self._take(task.name, (sub.found for sub in result[1:] if isinstance(sub, FindingResult)))

    def _take(self, stage: str, found: Iterable[Finding | Expiry]) -> None:
        """Keep what concerns more than one resource, once, whichever hosts say it."""
        for one in map(_safe, found):
            known = self.report.expiries if isinstance(one, Expiry) else self.report.findings
            if not any((one.id, one.host) == (other.id, other.host) for other in known):
                known.append(replace(one, stage=stage))  # type: ignore[arg-type]


def _safe(one: Finding | Expiry) -> Finding | Expiry:
    return replace(one, id=printable(one.id), what=printable(one.what), remedy=printable(one.remedy))


def _resource(stage: str, sub: ResourceResult) -> ResourceReport:
    error = printable(str(sub.exception or ""))
    causes = [replace(cause, cause=printable(cause.cause), mend=printable(cause.mend)) for cause in sub.causes]
    kind = kind_of_error(sub.exception) if sub.exception else None
    return ResourceReport(
        printable_line(str(sub.name)), sub.status, printable(sub.diff), stage, error, causes, error_kind=kind
    )


def _told(one: ResourceReport, before: Iterable[ResourceReport]) -> bool:
    """Check whether another task of the host has failed at the same thing: two of them may have one requirement."""
    same = (one.id, "failed", one.error)
    return one.status == "failed" and any((b.id, b.status, b.error) == same for b in before)


def error_of(result: Result) -> str:
    """Return what a user should read of a failed result; empty for one that did well."""
    error = result.exception
    if error is None:
        return printable(str(result.result)) if result.failed else ""
    internal = f"internal error: {type(error).__name__}: {error} (-v shows where)"
    return printable(str(error) if isinstance(error, MoorError) else internal)


def open_findings(report: RunReport) -> list[Finding]:
    """List in one shape all that is not as it should be: what is not known, resources that differ, findings."""
    return [*(finding for name, host in report.hosts.items() for finding in _of_host(name, host)), *report.findings]


def unwaived_findings(report: RunReport) -> list[Finding]:
    """List of that what nobody has waived."""
    return [finding for finding in open_findings(report) if not finding.waived]


def _of_host(name: str, host: HostReport) -> Iterator[Finding]:
    if host.unexamined:
        kind = next(iter(host.unexamined_kinds), None)
        yield Finding(EXAMINED, "\n".join(host.unexamined), host=name, state="unexamined", error_kind=kind)
    for resource in host.resources:
        if resource.status in ("drift", "failed"):
            state: FindingState = "drift" if resource.status == "drift" else "failed"
            what = resource.error or resource.diff
            about = (resource.stage, resource.waived, resource.first_seen, resource.error_kind)
            yield Finding(resource.id, what, "", name, state, *about)


def count_by_status(report: RunReport) -> dict[str, int]:
    """Count resources by status, over all hosts."""
    return dict(Counter(resource.status for host in report.hosts.values() for resource in host.resources))
