"""Reports like those of a drift check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from moor.engine.findings import Expiry, Finding
from moor.engine.results import Status
from moor.errors import ErrorKind
from moor.run.report import HostReport, ResourceReport, RunReport

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_numbers = count()


def a_run(
    found: dict[str, dict[str, Status]],
    *,
    command: str = "drift",
    unexamined: tuple[str, ...] = (),
    findings: tuple[Finding, ...] = (),
    expiries: tuple[Expiry, ...] = (),
    answered: tuple[str, ...] = ("write_hosts", "compare_members"),
) -> RunReport:
    """Return a run one hour after the previous one; ``found`` has a status per host and resource."""
    number = next(_numbers)
    hosts = {name: HostReport(True, "", [_resource(*pair) for pair in held.items()]) for name, held in found.items()}
    for name in unexamined:
        hosts.setdefault(name, HostReport()).fail("connection refused", ErrorKind.UNREACHABLE)
    report = RunReport(f"run-{number:06}", "drift" if command == "drift" else "site", hosts, command=command)
    report.started = (BEGAN + timedelta(hours=number)).isoformat()
    report.findings, report.expiries, report.answered = list(findings), list(expiries), list(answered)
    return report


def _resource(name: str, status: Status) -> ResourceReport:
    kind = ErrorKind.COMMAND if status == "failed" else None
    diff = "" if status == "ok" else f"content of {name}: a -> b"
    return ResourceReport(name, status, diff, "write_hosts", error_kind=kind)
