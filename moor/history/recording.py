"""Recording of runs: what each found, since when findings are open, and which are over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from moor.engine.findings import EXAMINED, Finding
from moor.errors import MoorError
from moor.history.database import connected
from moor.history.model import FindingRow, RecordingResult
from moor.history.reading import finding as as_row
from moor.history.tables import changes, expiries, findings, hosts, runs
from moor.run.report import HostReport, ResourceReport, RunReport, count_by_status, open_findings, unwaived_findings
from moor.secrets.secret import mask
from moor.settings.access import SiteSettings

DRIFT = "drift"  # the command that opens findings, and the runbook of a complete drift check
MAX_TEXT = 20_000  # characters of one text

Key = tuple[str, str]  # host and id


def record(settings: SiteSettings, report: RunReport, fleet: frozenset[str]) -> RecordingResult:
    """Record a run, and set since when the findings of its report are open.

    Never raises: a run counts even where its history cannot be written.

    Args:
        fleet: The names of all hosts of the inventory. Findings of other hosts are over.
    """
    try:
        with connected(settings, writing=True) as connection:
            _write_run(connection, report, fleet)
            recorded = _follow(connection, report, fleet)
            _write_expiries(connection, report)
            _forget(connection, settings.history_days)
    except MoorError as error:
        return RecordingResult(trouble=str(error))
    _date(report, recorded.open)
    return recorded


def _write_run(connection: Connection, report: RunReport, fleet: frozenset[str]) -> None:
    found = [(name, r) for name, host in report.hosts.items() for r in host.resources if r.status != "ok"]
    rows = [{"run": report.run, "host": name, **_change_values(resource)} for name, resource in found]
    number = select(func.coalesce(func.max(runs.c.number), 0) + 1).scalar_subquery()
    whole = report.hosts.keys() == fleet
    connection.execute(insert(runs).values(**_run_values(report), whole=whole, number=number))
    if report.hosts:
        connection.execute(insert(hosts), [_host_values(report.run, *pair) for pair in report.hosts.items()])
    if rows:
        connection.execute(insert(changes), rows)


def _change_values(resource: ResourceReport) -> dict[str, Any]:
    texts = {"diff": text_of(resource.diff), "error": text_of(resource.error)}
    return {"id": resource.id, "status": resource.status, **texts, "error_kind": resource.error_kind}


def _run_values(report: RunReport) -> dict[str, Any]:
    return {
        "run": report.run,
        "command": report.command,
        "runbook": report.runbook,
        "started": datetime.fromisoformat(report.started),
        "duration_s": report.duration_s,
        "hosts": len(report.hosts),
        "not_examined": sum(bool(host.unexamined) for host in report.hosts.values()),
        "findings": sum(
            finding.state != "unexamined" for finding in unwaived_findings(report)
        ),  # these are in not_examined
        "counts": count_by_status(report),
    }


def _host_values(run: str, name: str, host: HostReport) -> dict[str, Any]:
    found = dict(Counter(resource.status for resource in host.resources))
    error = text_of("\n".join(host.unexamined) or host.error)
    kind = next(iter(host.unexamined_kinds), host.error_kind)
    return {"run": run, "host": name, "reached": host.reached, "error": error, "counts": found, "error_kind": kind}


def text_of(text: str) -> str:
    """Return a text as history keeps it: masked, and of limited length."""
    masked = mask(text).replace("\0", "\\0")  # PostgreSQL refuses zero bytes in a text
    return masked if len(masked) <= MAX_TEXT else f"{masked[:MAX_TEXT]}\n... {len(masked) - MAX_TEXT} more characters"


def _follow(connection: Connection, report: RunReport, fleet: frozenset[str]) -> RecordingResult:
    """Update the open findings; only a drift check opens new ones."""
    found = {(f.host, f.id): f for f in open_findings(report)} if report.command == DRIFT else {}
    known = {
        (row.host, row.id): row for row in connection.execute(select(findings).where(findings.c.cleared.is_(None)))
    }
    seen = datetime.fromisoformat(report.started)
    for key, finding in found.items():
        _keep(connection, finding, known.get(key), seen)
    over = [row for key, row in known.items() if key not in found and was_examined(report, row, fleet)]
    for row in over:
        connection.execute(update(findings).where(findings.c.number == row.number).values(cleared=seen))
    still = [as_row(row) for row in connection.execute(select(findings).where(findings.c.cleared.is_(None)))]
    new = [row for row in still if (row.host, row.id) in found and (row.host, row.id) not in known]
    return RecordingResult(tuple(new), tuple(as_row(row) for row in over), tuple(still))


def _keep(connection: Connection, finding: Finding, row: Any, seen: datetime) -> None:
    values = {
        "state": finding.state,
        "stage": finding.stage,
        "what": text_of(finding.what),
        "remedy": text_of(finding.remedy),
        "waived": text_of(finding.waived),
        "last_seen": seen,
        "error_kind": finding.error_kind,
    }
    if row is None:
        key = {"host": finding.host, "id": finding.id, "first_seen": seen, "cleared": None}
        connection.execute(insert(findings).values(**key, **values))
    else:
        connection.execute(update(findings).where(findings.c.number == row.number).values(**values))


def was_examined(report: RunReport, row: Any, fleet: frozenset[str]) -> bool:
    """Check whether a run that did not find ``row`` again has examined it, so that the finding is over."""
    if row.host and row.host not in fleet:
        return True
    if row.state == "finding":
        return row.stage in report.answered
    host = report.hosts.get(row.host)
    if host is None:
        return False
    if row.id == EXAMINED:
        return report.command == report.runbook == DRIFT and host.reached and not host.unexamined
    status = {resource.id: resource.status for resource in host.resources}
    if row.id in status:
        return status[row.id] in ("ok", "changed")
    return row.stage in report.answered and host.reached  # no longer in the desired state


def _write_expiries(connection: Connection, report: RunReport) -> None:
    """Replace the expiries of every task that answered, and update the others."""
    stages = {row.stage for row in connection.execute(select(expiries.c.stage).distinct())}
    gone = [stage for stage in stages if stage in report.answered]
    connection.execute(delete(expiries).where(expiries.c.stage.in_(gone)))
    for one in report.expiries:
        key = (expiries.c.id == one.id) & (expiries.c.host == one.host)
        connection.execute(delete(expiries).where(key))
        ends = datetime.fromisoformat(one.expires)
        values = {"id": one.id, "host": one.host, "what": one.what, "remedy": one.remedy, "stage": one.stage}
        connection.execute(insert(expiries).values(**values, expires=ends))


def _forget(connection: Connection, days: int) -> None:
    """Delete runs, and findings that are over, older than ``days``."""
    limit = datetime.now(UTC) - timedelta(days=days)
    old = select(runs.c.run).where(runs.c.started < limit)
    for table in (changes, hosts):
        connection.execute(delete(table).where(table.c.run.in_(old)))
    connection.execute(delete(runs).where(runs.c.started < limit))
    connection.execute(delete(findings).where(findings.c.cleared < limit))


def _date(report: RunReport, rows: Iterable[FindingRow]) -> None:
    """Set ``first_seen`` of the findings in a report."""
    since: Mapping[Key, str] = {(row.host, row.id): row.first_seen.isoformat(timespec="seconds") for row in rows}
    for finding in report.findings:
        finding.first_seen = since.get((finding.host, finding.id), "")
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status in ("drift", "failed"):
                resource.first_seen = since.get((name, resource.id), "")
