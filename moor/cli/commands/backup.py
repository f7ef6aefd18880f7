"""The actions of backup, backup list, backup check and restore."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from textwrap import indent

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_safely,
    progress_printer,
    refuse_other_output,
    remember,
    run_and_report,
    runbook_of,
)
from moor.cli.options import DIFFERS, Options, Output
from moor.errors import InputError
from moor.output import text
from moor.progress import MB, send_progress_to
from moor.run.beginning import refuse_input
from moor.run.protocols.keeping import BackupRow, backups_of
from moor.run.report import ResourceReport, RunReport
from moor.run.runbook import OWN_REGISTRY, Runbook
from moor.runner.loop_runner import LoopRunner


@contextmanager
def _open(options: Options, name: str, dry_run: bool) -> Iterator[tuple[Nornir, Runbook, Host]]:
    """Open the site with a runbook of backups, and the registry's host alone.

    The work is done by this process, never by a worker elsewhere: the backups are here.

    Raises:
        InputError: moor runs no registry in this fleet.
    """
    with open_fleet(options, dry_run=dry_run) as nr:
        here = nr.filter(filter_func=OWN_REGISTRY).with_runner(LoopRunner(1))
        if not here.inventory.hosts:
            raise InputError(f"{name}: moor runs no registry in this fleet; back it up where it is run")
        yield here, runbook_of(nr, name.replace(" ", "_")), next(iter(here.inventory.hosts.values()))


def back_up(options: Options) -> int:
    """Make a backup: 0 if it is whole, 1 if there is none."""
    with _open(options, "backup", dry_run=False) as (nr, book, host):
        with send_progress_to(progress_printer(options)):
            backups_of(book).prepare(nr, host, "", False)
        report = run_and_report(nr, book, options, "backup")
        remember(nr, report)
        directory = backups_of(book).directory(host)
    failed = "backup: there is no new one; what it has brought is kept, and the next one goes on from there"
    print_report(options, report, _told(report, failed if report.failed else f"backup: whole, in {directory}"))
    return 1 if report.failed else 0


def _told(report: RunReport, last: str) -> str:
    changed = [f"  {one.id}\n{indent(one.diff, '      ')}" for one in _resources(report) if one.diff]
    errors = [f"  ! {name}: {host.error}" for name, host in report.hosts.items() if host.error]
    return text.joined([*changed, *errors, last])


def _resources(report: RunReport) -> list[ResourceReport]:
    return [one for host in report.hosts.values() for one in host.resources]


def list_backups(options: Options) -> int:
    """List the backups, and return 0."""
    refuse_other_output(options, "backup list: it is")
    with _open(options, "backup", dry_run=True) as (_, book, host):
        rows, directory = backups_of(book).rows(host), backups_of(book).directory(host)
    if options.output is Output.json:
        shown = {"schema": 1, "directory": str(directory), "backups": [asdict(row) for row in rows]}
        print_safely(json.dumps(shown, indent=2))
    elif rows:
        print_safely(_table(rows))
    else:
        print_safely(f"{directory}: no backup; moor backup makes one")
    return 0


def _table(rows: Sequence[BackupRow]) -> str:
    columns = ["backup", "state", "took", "release", "projects", "artifacts", "blobs", "MB", "new MB"]
    notes = [f"  {row.name}: {note}" for row in rows for note in row.notes]
    return text.joined([text.table(columns, map(_cells, rows)), *notes])


def _cells(row: BackupRow) -> list[str]:
    if row.state != "whole":
        return [row.name, row.state, *["-"] * 7]
    counts = row.counts or {}
    known = [str(counts.get(name, "-")) for name in ("projects", "artifacts")]
    sizes = (f"{(row.bytes + row.blob_bytes) / MB:.1f}", f"{(row.bytes + row.new_bytes) / MB:.1f}")
    return [row.name, row.state, f"{row.took_s:.0f} s", row.release or "-", *known, str(row.blobs), *sizes]


def check(options: Options, name: str) -> int:
    """Rehearse the restore of a backup: 0 if all of it is there, 1 if not."""
    with _open(options, "backup check", dry_run=True) as (nr, book, host):
        backups_of(book).prepare(nr, host, name, False)
        report = run_and_report(nr, book, options, "backup check")
        remember(nr, report)
    print_report(
        options,
        report,
        _told(report, "backup check: it cannot be relied on" if report.failed else "backup check: all of it is there"),
    )
    return 1 if report.failed else 0


def restore(options: Options, name: str, over: bool, dry_run: bool) -> int:
    """Restore a backup, or plan it: 0 done, 2 planned, 1 an error."""
    with _open(options, "restore", dry_run=dry_run) as (nr, book, host):
        with send_progress_to(progress_printer(options)):
            backups_of(book).prepare(nr, host, name, over)
        report = run_and_report(nr, book, options, "restore")
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, name: str, over: bool) -> None:
    """Raise InputError with the faults that would refuse a restore; no host is contacted."""
    with _open(options, "restore", dry_run=True) as (nr, book, host):
        backups_of(book).prepare(nr, host, name, over)
        refuse_input(nr, book, "restore")
