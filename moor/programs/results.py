"""What a run has found or done, as values that never change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from moor.engine.findings import Finding, FindingState
from moor.engine.results import Cause, Status
from moor.errors import ErrorKind, HostError
from moor.run.report import HostReport, ResourceReport, RunReport

PROOF = "proof:"  # how the id of a proof begins


@dataclass(frozen=True)
class Change:
    """One resource of one host that is not as it should be, or was not before the run.

    Attributes:
        host: its host.
        id: ``kind:name``.
        stage: the task that owns it.
        status: ``drift`` if it would change, ``changed``, ``failed``, ``skipped``, or ``held``.
        diff: what changes, as text, secrets masked.
        error: why it failed; empty if it did not.
        error_kind: the kind of the error.
        waived: the waiver that covers it; empty if none does.
        first_seen: since when it differs, ISO 8601; empty if that is unknown.
        held: who has asked moor to leave it, why and until when; empty if nobody has.
    """

    host: str
    id: str
    stage: str
    status: Status
    diff: str = ""
    error: str = ""
    error_kind: ErrorKind | None = None
    waived: str = ""
    first_seen: str = ""
    held: str = ""

    @property
    def kind(self) -> str:
        """Return the kind of the resource, such as ``file``."""
        return self.id.partition(":")[0]


@dataclass(frozen=True)
class Proof:
    """One proof of one host, of a verify or a diagnosis.

    Attributes:
        host: from which it was made.
        name: what is proved, such as ``tls``.
        status: ``ok``, ``failed``, or ``skipped`` if it could not be made.
        error: why not.
        causes: what explains a fault, each with its remedy.
    """

    host: str
    name: str
    status: Status
    error: str = ""
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True)
class FleetFinding:
    """A fault that is no resource of a host.

    Attributes:
        id: ``kind:name``, the same in every run that finds it.
        what: one sentence.
        remedy: the command that mends it; empty if there is none.
        host: empty for the whole fleet.
        state: ``unexamined`` if it is unknown whether there is a fault.
        waived: the waiver that covers it; empty if none does.
    """

    id: str
    what: str
    remedy: str
    host: str
    state: FindingState
    waived: str


@dataclass(frozen=True)
class HostResult:
    """One host of a run.

    Attributes:
        reached: whether a session with it was opened.
        ok: the number of resources that are as they should be.
        changes: the others, in working order.
        proofs: those of a verify or a diagnosis.
        error: the first error; empty if there is none.
        error_kind: its kind.
        unexamined: why something of the host is not known, a text for each task.
        skipped: it was left out, since another host failed or it may not be changed now.
        window: when it may be changed, if it may not be now.
    """

    name: str
    reached: bool
    ok: int
    changes: tuple[Change, ...] = ()
    proofs: tuple[Proof, ...] = ()
    error: str = ""
    error_kind: ErrorKind | None = None
    unexamined: tuple[str, ...] = ()
    skipped: bool = False
    window: str = ""


@dataclass(frozen=True)
class RunResult:
    """One run on a fleet.

    Attributes:
        run: its id; ids sort by time.
        runbook: what was run.
        started: when it began.
        duration_s: seconds.
        hosts: by name.
        findings: what is no single resource's.
        warnings: faults that concern no host, such as a history that cannot be written.
        stopped: why a roll-out stopped before its last host; empty if it did not.
    """

    run: str
    runbook: str
    started: datetime
    duration_s: float
    hosts: Mapping[str, HostResult] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[FleetFinding, ...] = ()
    warnings: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes of all hosts."""
        return tuple(change for host in self.hosts.values() for change in host.changes)

    @property
    def failed(self) -> bool:
        """Return whether a host failed, was not reached or was skipped."""
        return any(host.error for host in self.hosts.values())

    def raise_for_failures(self) -> None:
        """Raise HostError if a host failed, with the error of each."""
        if self.failed:
            failed = [host for host in self.hosts.values() if host.error]
            kind = next((host.error_kind for host in failed if host.error_kind), ErrorKind.COMMAND)
            raise HostError("\n".join(f"{host.name}: {host.error}" for host in failed), kind)


@dataclass(frozen=True)
class PlanResult(RunResult):
    """What an apply would change."""

    @property
    def differs(self) -> bool:
        """Return whether an apply would change something."""
        return any(change.status == "drift" for change in self.changes)


@dataclass(frozen=True)
class ApplyResult(RunResult):
    """What an apply has changed."""

    @property
    def changed(self) -> bool:
        """Return whether something was changed."""
        return any(change.status == "changed" for change in self.changes)


@dataclass(frozen=True)
class DriftResult(RunResult):
    """What differs from the inventory, and since when."""

    @property
    def clean(self) -> bool:
        """Return whether all was examined and nothing differs but what a waiver covers or somebody holds."""
        whole = not any(host.unexamined for host in self.hosts.values())
        open_ones = [one.waived or one.held for one in self.changes] + [one.waived for one in self.findings]
        return whole and all(open_ones)


@dataclass(frozen=True)
class ProofResult(RunResult):
    """What a verify or a diagnosis has proved."""

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """Return the proofs of all hosts."""
        return tuple(proof for host in self.hosts.values() for proof in host.proofs)

    @property
    def holds(self) -> bool:
        """Return whether every host was asked, and every proof was made and holds; no proof at all proves nothing.

        The proof ``node`` may be missing, since the pods prove it too.
        """
        gaps = (proof for proof in self.proofs if proof.status == "skipped" and proof.error and proof.name != "node")
        faults = (proof for proof in self.proofs if proof.status == "failed")
        proved = any(proof.status == "ok" for proof in self.proofs)
        return proved and not self.failed and not any(self.changes) and not any(faults) and not any(gaps)


Kind = TypeVar("Kind", bound=RunResult)


def result_of(report: RunReport, kind: type[Kind]) -> Kind:
    """Return a report as a result of a kind."""
    return kind(
        run=report.run,
        runbook=report.runbook,
        started=datetime.fromisoformat(report.started),
        duration_s=report.duration_s,
        hosts=MappingProxyType({name: _host(name, host) for name, host in report.hosts.items()}),
        findings=tuple(map(_finding, report.findings)),
        warnings=tuple(report.warnings),
        stopped=report.stopped,
    )


def _host(name: str, host: HostReport) -> HostResult:
    return HostResult(
        name=name,
        reached=host.reached,
        ok=host.count("ok"),
        changes=tuple(_changes(name, host)),
        proofs=tuple(_proofs(name, host)),
        error=host.error,
        error_kind=host.error_kind,
        unexamined=tuple(host.unexamined),
        skipped=host.skipped,
        window=host.window,
    )


def _changes(name: str, host: HostReport) -> Iterator[Change]:
    for one in host.resources:
        if one.status != "ok" and not _is_proof(one):
            about = (one.id, one.stage, one.status, one.diff, one.error, one.error_kind)
            yield Change(name, *about, waived=one.waived, first_seen=one.first_seen, held=one.held)


def _proofs(name: str, host: HostReport) -> Iterator[Proof]:
    for one in filter(_is_proof, host.resources):
        yield Proof(name, one.id.removeprefix(PROOF), one.status, one.error, tuple(one.causes))


def _is_proof(resource: ResourceReport) -> bool:
    return resource.id.startswith(PROOF)


def _finding(one: Finding) -> FleetFinding:
    return FleetFinding(one.id, one.what, one.remedy, one.host, one.state, one.waived)
