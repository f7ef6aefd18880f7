"""The actions of cert show and cert renew."""

from __future__ import annotations

from datetime import UTC, datetime

from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options
from moor.context import site_of
from moor.engine.findings import Expiry, expiry_findings
from moor.output import text
from moor.run.beginning import refuse_input
from moor.run.protocols.rotating import rotation_of
from moor.run.report import RunReport
from moor.run.selection import registry_for

KIND = "certificate:"


def show(options: Options) -> int:
    """Show every certificate; exit code 0 if all last, 2 if one ends soon or is not the served one, 1 on an error."""
    with open_fleet(options, dry_run=True) as nr:
        report = run_and_report(nr, runbook_of(nr, "certificates"), options, "cert show")
        report.findings += expiry_findings(report.expiries, site_of(nr).expires_within_days)
    print_report(options, report, render_certificates(report))
    return 1 if report.failed else DIFFERS if report.findings else 0


def render_certificates(report: RunReport) -> str:
    """Return the certificates as a text table, followed by findings and errors."""
    rows = sorted(report.expiries, key=lambda expiry: expiry.id)
    now = datetime.now(UTC)
    table = text.table(["certificate", "what", "until", "days"], (_row(expiry, now) for expiry in rows))
    wrong = [f"! {finding.what}; {finding.remedy}" for finding in report.findings]
    errors = [f"! {name}: {host.error}" for name, host in report.hosts.items() if host.error]
    return "\n".join([table, *wrong, *errors])


def _row(expiry: Expiry, now: datetime) -> list[str]:
    end = datetime.fromisoformat(expiry.expires)
    return [expiry.id.removeprefix(KIND), expiry.what, f"{end:%Y-%m-%d}", str((end - now).days)]


def renew(options: Options, authority: bool, dry_run: bool) -> int:
    """Renew the registry's certificate or its CA, or continue a rotation: 0 done, 2 planned, 1 error.

    Args:
        authority: the CA as well, which is a rotation; later calls continue it
    """
    with open_fleet(options, dry_run=dry_run) as nr:
        book = runbook_of(nr, "rotation")
        rotation_of(book).replace(nr, registry_for(nr, "cert renew"), authority)
        report = run_and_report(nr, book, options, "cert renew")
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, authority: bool) -> None:
    """Raise InputError with the faults that would refuse a renewal; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        book = runbook_of(nr, "rotation")
        rotation_of(book).replace(nr, registry_for(nr, "cert renew"), authority)
        refuse_input(nr, book, "cert renew")
