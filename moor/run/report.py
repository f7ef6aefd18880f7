"""The report of a run, and the processor that collects it from Nornir's results."""

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
from moor.engine.command_answers import CommandAnswer, CommandResult
from moor.engine.findings import EXAMINED, Expiry, Finding, FindingState
from moor.engine.images_in_use import ImageInUse
from moor.engine.measurements import AnyMeasured, Measured
from moor.engine.plan import printable, printable_line
from moor.engine.results import Cause, FindingResult, Found, ResourceResult, Status
from moor.errors import ErrorKind, MoorError, kind_of_error
from moor.processors import QuietProcessor
from moor.run.runbook import Skipped

LISTS = {Expiry: "expiries", Measured: "measured", ImageInUse: "images"}  # the report's list for what is no finding
LEFT = "left as it is"  # how the error of a host begins whose turn did not come
SCHEMA = 1  # raised when a field of the JSON changes its meaning or goes


@dataclass
class ResourceReport:
    """One resource of one host; ``stage`` is the task that owns it, ``error_kind`` None unless it failed.

    ``held`` says who has asked moor to leave it, why and until when, if its status is held.

    Hosts may share the report of a resource that is as it should be.
    """

    id: str
    status: Status
    diff: str = ""
    stage: str = ""
    error: str = ""
    causes: list[Cause] = field(default_factory=list)
    waived: str = ""
    first_seen: str = ""
    error_kind: ErrorKind | None = None
    held: str = ""


@dataclass
class HostReport:
    """One host of a run: its first error and its resources in working order.

    Attributes:
        unexamined: why something on it is unknown, one text for each task; empty if everything was read.
        skipped: a stage did not run on it since other hosts failed; ``error`` names them.
        error_kind: the kind of ``error``; None without one.
        unexamined_kinds: the kind of each entry of ``unexamined``.
        window: when its next maintenance window opens, if something differs and it may not be changed now.
        answer: what the command of ``moor run`` said.
    """

    reached: bool = False
    error: str = ""
    resources: list[ResourceReport] = field(default_factory=list)
    unexamined: list[str] = field(default_factory=list)
    skipped: bool = False
    error_kind: ErrorKind | None = None
    unexamined_kinds: list[ErrorKind] = field(default_factory=list)
    window: str = ""
    answer: CommandAnswer | None = None

    def fail(self, words: str, kind: ErrorKind, *, examined: bool = False) -> None:
        """Add an error; the first becomes ``error``.

        Args:
            words: the message.
            kind: its kind.
            examined: a resource already reports it, so nothing is unknown.
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
class DeviceReport:
    """What a run read of a network device's configuration, beside the one that history kept last.

    Attributes:
        version: of what it holds now, in its history; 0 if that is not known.
        changed: it has changed since the last check that read it.
        since: when that check was, ISO 8601; without a change, the first check that read what it holds now.
        added: lines that were added since then.
        removed: lines that were removed since then.
        changed_by: the user who changed it last; empty if the device does not tell.
        changed_at: when, in the device's words.
    """

    version: int = 0
    changed: bool = False
    since: str = ""
    added: int = 0
    removed: int = 0
    changed_by: str = ""
    changed_at: str = ""


@dataclass
class RunReport:
    """One run on the fleet."""

    run: str
    runbook: str
    hosts: dict[str, HostReport]
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    duration_s: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    command: str = ""
    expiries: list[Expiry] = field(default_factory=list)
    measured: list[AnyMeasured] = field(default_factory=list)
    images: list[ImageInUse] = field(default_factory=list)  # that the cluster names
    devices: dict[str, DeviceReport] = field(default_factory=dict)  # network devices whose configuration was read
    answered: list[str] = field(default_factory=list)  # tasks that no host failed at
    warnings: list[str] = field(default_factory=list)  # faults that concern no host, such as an unwritable history
    registry: str = ""  # the names of the fleet's registries, with commas
    ticket: str = ""  # the word of --ticket
    stopped: str = ""  # why a roll-out stopped before the turn of all hosts
    go_on: str = ""  # the command that goes on after that
    mended: RunReport | None = None  # what ``moor drift --apply`` mended before it checked again

    @property
    def failed(self) -> bool:
        """Return whether a host failed, was not reached or was skipped."""
        return any(host.error for host in self.hosts.values())

    @property
    def differs(self) -> bool:
        """Return whether a resource differs from its desired state."""
        return any(host.count("drift") for host in self.hosts.values())

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Record the hosts that a stage skipped, and as a warning the stages that an apply would skip."""
        foreseen: dict[str, list[str]] = {}
        for part in skipped:
            if part.foreseen:
                foreseen.setdefault(part.reason, []).append(part.stage)
            for name in part.hosts if not part.foreseen else ():
                if part.failed:
                    self.hosts[name].fail(part.reason, ErrorKind.CONTROLLER)
                elif not self.hosts[name].error:
                    where = f"skipped at {part.stage}" if part.stage else LEFT
                    self.hosts[name].fail(f"{where}: {part.reason}", ErrorKind.SKIPPED)
                    self.hosts[name].skipped = True
            if part.failed and not part.hosts:
                self.warnings.append(part.reason)
            if part.stops:
                self.stopped = part.reason
        for reason, stages in foreseen.items():
            self.warnings.append(f"an apply would skip {', '.join(dict.fromkeys(stages))}, since {reason}")

    def json(self) -> str:
        """Return the JSON object that ``--output json`` prints."""
        # Python's json is slow with indentation, since only its compact output is written in C.
        text = to_json({"schema": SCHEMA, **vars(self)}, indent=2, ensure_ascii=True).decode()
        return text.replace("\x7f", "\\u007f")  # ASCII, but not printable


class Collector(QuietProcessor):
    """A Nornir processor that adds results to a report as they arrive."""

    def __init__(self, report: RunReport) -> None:
        self.report = report
        self.busy: dict[str, str] = {}  # by host, the task that is running on it
        self.ended: set[tuple[str, str]] = set()  # pairs of host and task
        self._taken: set[tuple[str, str, str]] = set()  # the list that it is in, id, host
        self._right: dict[tuple[str, str], ResourceReport] = {}  # by stage and id
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def stop(self, elsewhere: Mapping[str, str]) -> None:
        """Accept no more results: a task that would begin from now on blocks before its first step.

        Args:
            elsewhere: tasks that are running on workers, by host.
        """
        self._lock.acquire()
        self.busy |= {name: task for name, task in elsewhere.items() if (name, task) not in self.ended}

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """Update the run's duration, and note a task that succeeded on all hosts."""
        self.report.duration_s = round(time.monotonic() - self._began, 3)
        if not result.failed:
            self.report.answered.append(task.name)

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Note which task is running on the host."""
        with self._lock:
            self.busy[host.name] = task.name

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Add the task's resources, findings and error to the report."""
        found = [self._resource(task.name, sub) for sub in result[1:] if isinstance(sub, ResourceResult)]
        error = error_of(result[0])
        with self._lock:
            self.busy.pop(host.name, None)
            self.ended.add((host.name, task.name))
            entry = self.report.hosts.setdefault(host.name, HostReport())
            entry.reached = entry.reached or connection_of(host) in host.connections
            entry.resources.extend(one for one in found if not _is_known_failure(one, entry.resources))
            if error:
                is_reported = any(resource.status == "failed" for resource in found)
                entry.fail(error, kind_of_error(result[0].exception), examined=is_reported)
            entry.answer = next((sub.answer for sub in result[1:] if isinstance(sub, CommandResult)), entry.answer)
            self._take(task.name, (sub.found for sub in result[1:] if isinstance(sub, FindingResult)))

    def _resource(self, stage: str, sub: ResourceResult) -> ResourceReport:
        """Return the report of a resource; hosts share that of one that is as it should be, which never changes."""
        key = stage, str(sub.name)
        if not sub.is_right:
            return _resource(stage, sub)
        if key not in self._right:
            self._right[key] = _resource(stage, sub)
        return self._right[key]

    def _take(self, stage: str, found: Iterable[Found]) -> None:
        """Add findings, expiries, measurements and images, each once, however many hosts report it."""
        for one in map(_safe, found):
            name = next((name for kind, name in LISTS.items() if isinstance(one, kind)), "findings")
            if (key := (name, one.id, one.host)) not in self._taken:
                self._taken.add(key)
                getattr(self.report, name).append(replace(one, stage=stage))


def _safe(one: Found) -> Found:
    if isinstance(one, ImageInUse):
        return one.printable()
    return replace(one, id=printable(one.id), what=printable(one.what), remedy=printable(one.remedy))


def _resource(stage: str, sub: ResourceResult) -> ResourceReport:
    error = printable(str(sub.exception or ""))
    causes = [replace(cause, cause=printable(cause.cause), mend=printable(cause.mend)) for cause in sub.causes]
    kind = kind_of_error(sub.exception) if sub.exception else None
    about = (sub.status, printable(sub.diff), stage, error, causes)
    return ResourceReport(printable_line(str(sub.name)), *about, error_kind=kind, held=printable(sub.held))


def _is_known_failure(one: ResourceReport, before: Iterable[ResourceReport]) -> bool:
    """Return whether another task of the host has reported the same failure: two tasks may share a requirement."""
    same = (one.id, "failed", one.error)
    return one.status == "failed" and any((b.id, b.status, b.error) == same for b in before)


def error_of(result: Result) -> str:
    """Return the error message of a failed result; empty if it succeeded."""
    error = result.exception
    if error is None:
        return printable(str(result.result)) if result.failed else ""
    internal = f"internal error: {type(error).__name__}: {error} (-v shows where)"
    return printable(str(error) if isinstance(error, MoorError) else internal)


def open_findings(report: RunReport) -> list[Finding]:
    """Return all open findings: unexamined hosts, resources that differ or failed, and the tasks' own findings."""
    return [*(finding for name, host in report.hosts.items() for finding in _of_host(name, host)), *report.findings]


def unwaived_findings(report: RunReport) -> list[Finding]:
    """Return the open findings that no waiver covers."""
    return [finding for finding in open_findings(report) if not finding.waived]


def _of_host(name: str, host: HostReport) -> Iterator[Finding]:
    if host.unexamined:
        kind = next(iter(host.unexamined_kinds), None)
        yield Finding(EXAMINED, "\n".join(host.unexamined), host=name, state="unexamined", error_kind=kind)
    for resource in host.resources:
        if resource.status in ("drift", "failed"):
            state: FindingState = "drift" if resource.status == "drift" else "failed"
            what = "\n".join(cause.cause for cause in resource.causes) or resource.error or resource.diff
            remedy = "\n".join(dict.fromkeys(cause.mend for cause in resource.causes))
            about = (resource.stage, resource.waived, resource.first_seen, resource.error_kind)
            yield Finding(resource.id, what, remedy, name, state, *about)


def count_by_status(report: RunReport) -> dict[str, int]:
    """Count resources by status, over all hosts."""
    return dict(Counter(resource.status for host in report.hosts.values() for resource in host.resources))
