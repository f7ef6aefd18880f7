"""A saved plan: what would change on which hosts, without the content of any file or secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from moor.engine.findings import Finding
from moor.engine.fingerprints import ChangeFingerprint, FieldChange
from moor.engine.results import Status
from moor.errors import ErrorKind
from moor.run.part import Part
from moor.run.report import HostReport, ResourceReport, RunReport

RIGHT = ResourceReport("", "ok")  # stands for each resource that was as it should be


@dataclass(frozen=True)
class PlanScope:
    """What a plan is for, as its command was typed.

    Attributes:
        runbook: a runbook, or one concern.
        limit: the words of ``--limit``; None for the whole fleet.
        only: the words of ``--only``.
        skip: the words of ``--skip``.
        start_at: the stage of ``--start-at``; empty for the first.
    """

    runbook: str
    limit: str | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    start_at: str = ""

    @classmethod
    def of(cls, runbook: str, limit: str | None, part: Part) -> PlanScope:
        """Return the scope of a command."""
        return cls(runbook, limit, part.only, part.skip, part.start_at)

    @property
    def part(self) -> Part:
        """Return which part of the runbook it is."""
        return Part(self.only, self.skip, self.start_at)


@dataclass(frozen=True)
class PlannedHost:
    """A host of the plan.

    Attributes:
        address: where moor reaches it.
        ok: the number of resources that were as they should be.
        error: why it could not be planned, so that an apply leaves it out; empty if it could.
    """

    address: str
    ok: int
    reached: bool = True
    error: str = ""
    error_kind: ErrorKind | None = None


@dataclass(frozen=True)
class PlannedChange:
    """One change, with all hosts on which it is the same.

    Attributes:
        diff: as the plan shows it, secrets masked.
        absent: the hosts had nothing of the resource.
        writes: it is a file, which nothing but its own change alters.
        derived: what it should be depends on what is there.
        held: who has asked moor to leave it, so that the plan does not change it; empty if nobody has.
    """

    id: str
    kind: str
    stage: str
    status: Status
    diff: str
    error: str
    error_kind: ErrorKind | None
    absent: bool
    writes: bool
    derived: bool
    fields: tuple[FieldChange, ...]
    hosts: tuple[str, ...]
    held: str = ""


@dataclass(frozen=True)
class SavedPlan:
    """A plan as its file holds it.

    Attributes:
        plan: its id, which is that of the run that made it.
        moor: the version of moor that made it.
        made: ISO 8601, UTC.
        site: the name of the site's directory.
        warnings: what an apply would skip, and what else the plan said.
    """

    plan: str
    moor: str
    made: str
    site: str
    scope: PlanScope
    hosts: dict[str, PlannedHost]
    changes: tuple[PlannedChange, ...]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()


Prints = Mapping[tuple[str, str, str], ChangeFingerprint]  # by host, stage and resource id
NO_PRINT = ChangeFingerprint(
    (), writes=False, absent=False, derived=False
)  # of a check that failed, which is no change


def group_changes(report: RunReport, prints: Prints) -> tuple[PlannedChange, ...]:
    """Return the changes of a plan's report, each once with all of its hosts."""
    hosts: dict[PlannedChange, list[str]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status != "ok":
                found = prints.get((name, resource.stage, resource.id), NO_PRINT)
                hosts.setdefault(_change(resource, found), []).append(name)
    return tuple(PlannedChange(**{**vars(change), "hosts": tuple(names)}) for change, names in hosts.items())


def _change(resource: ResourceReport, found: ChangeFingerprint) -> PlannedChange:
    return PlannedChange(
        id=resource.id,
        kind=resource.id.partition(":")[0],
        stage=resource.stage,
        status=resource.status,
        diff=resource.diff,
        error=resource.error,
        error_kind=resource.error_kind,
        absent=found.absent,
        writes=found.writes,
        derived=found.derived,
        fields=found.fields,
        hosts=(),
        held=resource.held,
    )


def planned_hosts(report: RunReport, addresses: Mapping[str, str]) -> dict[str, PlannedHost]:
    """Return the hosts of a plan's report."""
    return {
        name: PlannedHost(addresses.get(name, ""), host.count("ok"), host.reached, host.error, host.error_kind)
        for name, host in report.hosts.items()
    }


def report_of(plan: SavedPlan) -> RunReport:
    """Return the report that made the plan, as far as it is shown."""
    hosts = {
        name: HostReport(
            reached=host.reached, error=host.error, error_kind=host.error_kind, resources=[RIGHT] * host.ok
        )
        for name, host in plan.hosts.items()
    }
    for change in plan.changes:
        one = ResourceReport(
            change.id,
            change.status,
            change.diff,
            change.stage,
            change.error,
            error_kind=change.error_kind,
            held=change.held,
        )
        for name in change.hosts:
            hosts[name].resources.append(one)
    report = RunReport(plan.plan, plan.scope.runbook, hosts, started=plan.made, command="plan")
    report.findings, report.warnings = list(plan.findings), list(plan.warnings)
    return report


def changes_by_host(changes: Iterable[PlannedChange]) -> dict[str, dict[str, PlannedChange]]:
    """Return the changes that an apply makes, by host and resource id; not those that are held."""
    found: dict[str, dict[str, PlannedChange]] = {}
    for change in changes:
        for name in change.hosts if change.status == "drift" else ():
            found.setdefault(name, {})[change.id] = change
    return found
