"""Recording of runs: what each found, since when findings are open, and which are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moor.engine.findings import EXAMINED
from moor.engine.measurements import GROWTH_DAYS, Past, Point
from moor.errors import MoorError
from moor.history import configurations
from moor.history.connection import Connection, as_values
from moor.history.database import connected
from moor.history.model import ChangeRow, ExpiryRow, FindingRow, HostRow, MeasurementRow, RecordingResult, RunRow
from moor.history.reading import RECENT, History
from moor.history.rows import VERIFY, change_values, host_values, kept_values, run_values
from moor.history.sql import columns_of, insert, select, update
from moor.run.report import RunReport, open_findings
from moor.settings.access import SiteSettings

DRIFT = "drift"  # the command that opens findings, and the runbook of a complete drift check

Key = tuple[str, str]  # host and id

KEPT = ("state", "stage", "what", "remedy", "waived", "last_seen", "error_kind")  # what each run writes of a finding
ADD_RUN = insert("runs", (*columns_of(RunRow), "number"))
ADD_HOST, ADD_CHANGE = insert("hosts", columns_of(HostRow)), insert("changes", columns_of(ChangeRow))
ADD_FINDING = insert("findings", ("host", "id", "first_seen", *KEPT, "told_open", "told_over"))
KEEP_FINDING, END_FINDING = update("findings", KEPT, "number"), update("findings", ("cleared",), "number")
FORGET_PROOFS = "UPDATE hosts SET proofs = NULL WHERE run = :run AND proofs IS NOT NULL"
OPEN = select(FindingRow, "findings", "WHERE cleared IS NULL ORDER BY number", ("number", "stage"))
ADD_EXPIRY = insert("expiries", (*columns_of(ExpiryRow), "stage"))
ADD_MEASUREMENT = insert("measurements", (*columns_of(MeasurementRow), "day"))
FORGET_MEASURED = "DELETE FROM measurements WHERE taken < :oldest"
# of earlier days, the last measurement of each is enough for a growth
THIN_MEASURED = (
    "DELETE FROM measurements WHERE taken < :recent "
    "AND number NOT IN (SELECT max(number) FROM measurements GROUP BY host, id, day)"
)
THIN_AFTER = timedelta(days=2)
FORGET = (
    "DELETE FROM changes WHERE run IN (SELECT run FROM runs WHERE started < :oldest)",
    "DELETE FROM hosts WHERE run IN (SELECT run FROM runs WHERE started < :oldest)",
    "DELETE FROM runs WHERE started < :oldest",
    "DELETE FROM findings WHERE cleared < :oldest",
    configurations.FORGET,
)


@dataclass(frozen=True)
class OpenFinding:
    """A finding that was open before a run, with what the database knows of it besides."""

    row: FindingRow
    number: int
    stage: str


def record(settings: SiteSettings, report: RunReport, fleet: frozenset[str]) -> RecordingResult:
    """Record a run, and set since when the findings of its report are open.

    Never raises: a run counts even where its history cannot be written.

    Args:
        fleet: The names of all hosts of the inventory. Findings of other hosts are over.
    """
    try:
        with connected(settings, writing=True) as connection:
            _forget_proofs(connection, report, fleet)
            _write_run(connection, report, fleet)
            recorded = _follow(connection, report, fleet)
            _write_expiries(connection, report)
            _write_measurements(connection, report)
            _forget(connection, settings.history_days)
    except MoorError as error:
        return RecordingResult(trouble=str(error))
    _date(report, recorded.open)
    return recorded


def _forget_proofs(connection: Connection, report: RunReport, fleet: frozenset[str]) -> None:
    """Delete what earlier verifies proved if this one replaces it whole, since it is large and nobody asks for it."""
    if report.command == VERIFY and report.hosts.keys() == fleet:
        earlier = History(connection).runs(RECENT, command=VERIFY)
        connection.run(FORGET_PROOFS, [{"run": run.run} for run in earlier])


def _write_run(connection: Connection, report: RunReport, fleet: frozenset[str]) -> None:
    found = [(name, r) for name, host in report.hosts.items() for r in host.resources if r.status != "ok"]
    number = connection.rows("SELECT coalesce(max(number), 0) + 1 FROM runs")[0][0]
    whole = report.hosts.keys() == fleet
    connection.run(ADD_RUN, [{**run_values(report), "whole": whole, "number": number}])
    connection.run(ADD_HOST, [host_values(report, *pair) for pair in report.hosts.items()])
    connection.run(ADD_CHANGE, [{"run": report.run, "host": name, **change_values(r)} for name, r in found])


def _follow(connection: Connection, report: RunReport, fleet: frozenset[str]) -> RecordingResult:
    """Update the open findings; only a drift check opens new ones."""
    found = {(f.host, f.id): f for f in open_findings(report)} if report.command == DRIFT else {}
    known = {(one.row.host, one.row.id): one for one in _open(connection)}
    seen = datetime.fromisoformat(report.started)
    kept = {key: kept_values(finding, seen) for key, finding in found.items()}
    first = {"first_seen": seen, "told_open": False, "told_over": False}
    added = [{"host": key[0], "id": key[1], **first, **values} for key, values in kept.items() if key not in known]
    connection.run(ADD_FINDING, added)
    connection.run(KEEP_FINDING, [{"number": known[k].number, **values} for k, values in kept.items() if k in known])
    over = [one for key, one in known.items() if key not in found and was_examined(report, one, fleet)]
    connection.run(END_FINDING, [{"number": one.number, "cleared": seen} for one in over])
    still = [one.row for one in _open(connection)]
    new = [row for row in still if (row.host, row.id) in found and (row.host, row.id) not in known]
    return RecordingResult(tuple(new), tuple(one.row for one in over), tuple(still))


def _open(connection: Connection) -> list[OpenFinding]:
    """Return the open findings in the order in which they were recorded."""
    rows = connection.rows(OPEN)
    return [OpenFinding(value, *row[-2:]) for value, row in zip(as_values(FindingRow, rows), rows, strict=True)]


def was_examined(report: RunReport, known: OpenFinding, fleet: frozenset[str]) -> bool:
    """Check whether a run that did not find a finding again has examined it, so that it is over."""
    row = known.row
    if row.host and row.host not in fleet:
        return True
    if row.state == "finding" or (row.state == "unexamined" and row.id != EXAMINED):
        return known.stage in report.answered and not _was_left_out(report, known)
    host = report.hosts.get(row.host)
    if host is None:
        return False
    if row.id == EXAMINED:
        return report.command == report.runbook == DRIFT and host.reached and not host.unexamined
    status = {resource.id: resource.status for resource in host.resources}
    if row.id in status:
        return status[row.id] in ("ok", "changed")
    return known.stage in report.answered and host.reached  # no longer in the desired state


def _was_left_out(report: RunReport, known: OpenFinding) -> bool:
    """Check whether the task that found it could not examine a part of the fleet that it is in, such as a registry.

    A task reports that as an unexamined finding whose name is the start of the names of what is in that part.
    """
    name = known.row.id.partition(":")[2]
    about = ("unexamined", known.stage, known.row.host)
    parts = (f.id.partition(":")[2] for f in report.findings if (f.state, f.stage, f.host) == about)
    return known.row.state != "unexamined" and any(name == part or name.startswith(f"{part}/") for part in parts)


def _write_expiries(connection: Connection, report: RunReport) -> None:
    """Replace the expiries of every task that answered, and update the others."""
    stages = {stage for (stage,) in connection.rows("SELECT DISTINCT stage FROM expiries")}
    gone = [{"stage": stage} for stage in stages if stage in report.answered]
    connection.run("DELETE FROM expiries WHERE stage = :stage", gone)
    found = {(one.id, one.host): one for one in report.expiries}
    connection.run("DELETE FROM expiries WHERE id = :id AND host = :host", [{"id": i, "host": h} for i, h in found])
    added = [
        {
            "id": one.id,
            "host": one.host,
            "what": one.what,
            "remedy": one.remedy,
            "stage": one.stage,
            "expires": datetime.fromisoformat(one.expires),
        }
        for one in found.values()
    ]
    connection.run(ADD_EXPIRY, added)


def _write_measurements(connection: Connection, report: RunReport) -> None:
    """Add what a drift check measured, and delete what is older than any growth is taken from."""
    if report.command != DRIFT:
        return
    taken = datetime.fromisoformat(report.started)
    when = {"taken": taken, "day": taken.astimezone(UTC).date().isoformat()}
    rows = [{"host": one.host, "id": one.id, "amount": one.value, **when} for one in report.measured]
    connection.run(ADD_MEASUREMENT, rows)
    connection.run(FORGET_MEASURED, [{"oldest": taken - timedelta(days=GROWTH_DAYS)}])
    connection.run(THIN_MEASURED, [{"recent": taken - THIN_AFTER}])


def past_measurements(settings: SiteSettings) -> Past:
    """Return what earlier drift checks measured; nothing if the history cannot be read, which recording tells."""
    try:
        with connected(settings, writing=False) as connection:
            rows = History(connection).measurements()
    except MoorError:
        return {}
    past: dict[Key, list[Point]] = {}
    for row in rows:
        past.setdefault((row.host, row.id), []).append((row.taken, row.amount))
    return past


def _forget(connection: Connection, days: int) -> None:
    """Delete runs, and findings that are over, older than ``days``."""
    oldest = datetime.now(UTC) - timedelta(days=days)
    for statement in FORGET:
        connection.run(statement, [{"oldest": oldest}])


def _date(report: RunReport, rows: Iterable[FindingRow]) -> None:
    """Set ``first_seen`` of the findings in a report."""
    since: Mapping[Key, str] = {(row.host, row.id): row.first_seen.isoformat(timespec="seconds") for row in rows}
    for finding in report.findings:
        finding.first_seen = since.get((finding.host, finding.id), "")
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status in ("drift", "failed"):
                resource.first_seen = since.get((name, resource.id), "")
