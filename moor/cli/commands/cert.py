"""What cert show and cert renew do: what there is and when it ends; a new certificate, or CA, without an outage."""

from __future__ import annotations

from datetime import UTC, datetime

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.cli.commands.running import book_of, opened, play, put, refuse_input, remember, site_in
from moor.cli.options import DIFFERS, Options
from moor.engine.findings import Expiry, expiry_findings
from moor.errors import InputError
from moor.output import text
from moor.run.protocols import rotation_of
from moor.run.report import RunReport

KIND = "certificate:"


def show(options: Options) -> int:
    """Show every certificate: 0 all of them last, 2 one ends soon or is not the one that is served, 1 error."""
    with opened(options, dry_run=True) as nr:
        report = play(nr, book_of(nr, "certificates"), options, "cert show")
        report.findings += expiry_findings(report.expiries, site_in(nr).expires_within_days)
    put(options, report, shown(report))
    return 1 if report.failed else DIFFERS if report.findings else 0


def shown(report: RunReport) -> str:
    """Draw the certificates as a table, what is wrong with them below."""
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
    """Renew the registry's certificate, its CA too where asked, or go on with that: 0 done, 2 planned, 1 error.

    Args:
        authority: the CA as well: a rotation, which this and any later call carries on
    """
    with opened(options, dry_run=dry_run) as nr:
        book = book_of(nr, "rotation")
        rotation_of(book).replace(nr, _registry(nr), authority)
        report = play(nr, book, options, "cert renew")
        if not dry_run:
            remember(nr, report)
    put(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, authority: bool) -> None:
    """Raise InputError with what a renewal would be refused for; no host is reached."""
    with opened(options, dry_run=True) as nr:
        book = book_of(nr, "rotation")
        rotation_of(book).replace(nr, _registry(nr), authority)
        refuse_input(nr, book, "cert renew")


def _registry(nr: Nornir) -> Host:
    """Return the registry's host; raises InputError where none is left."""
    servers = [host for host in nr.inventory.hosts.values() if host.has_parent_group("harbor")]
    if not servers:
        raise InputError(
            "cert renew: no host of group harbor is left; a rotation concerns the whole fleet, without --limit"
        )
    return servers[0]
