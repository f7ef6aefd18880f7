"""The actions of rotate robot."""

from __future__ import annotations

import sys

from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options
from moor.context import change_context
from moor.output import text
from moor.run.beginning import refuse_input
from moor.run.protocols.rotating import robot_rotation_of
from moor.run.selection import registry_for

RUNBOOK = "robot_rotation"


def rotate(options: Options, names: tuple[str, ...], dry_run: bool, at_once: bool = False) -> int:
    """Rotate robots, or continue a rotation: 0 done, 2 planned, 1 error.

    Args:
        options: the shared options
        names: PROJECT+ROBOT; none for those that are begun or too old
        dry_run: only plan
        at_once: revoke former logins without their grace period
    """
    with open_fleet(options, dry_run=dry_run) as nr:
        change_context(nr, grace_over=at_once)
        book, host = runbook_of(nr, RUNBOOK), registry_for(nr, "rotate robot")
        rotation = robot_rotation_of(book)
        rotation.request(nr, host, names)
        report = run_and_report(nr, book, options, "rotate robot")
        if not dry_run:
            remember(nr, report)
        valid = rotation.valid_still(host)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    if not options.quiet:
        print(*(f"moor: {line}" for line in valid), sep="\n", end="\n" if valid else "", file=sys.stderr)
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, names: tuple[str, ...]) -> None:
    """Raise InputError with the faults that would refuse a rotation; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        book = runbook_of(nr, RUNBOOK)
        robot_rotation_of(book).request(nr, registry_for(nr, "rotate robot"), names)
        refuse_input(nr, book, "rotate robot")
