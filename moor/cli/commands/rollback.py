"""The action of rollback: restore the files that a run wrote."""

from __future__ import annotations

import re
from dataclasses import replace

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report
from moor.cli.options import DIFFERS, Options
from moor.context import RollbackOrder, change_context, site_of
from moor.errors import AmbiguousRun, InputError, MoorError
from moor.history.database import connected
from moor.history.reading import History
from moor.output import text
from moor.run.beginning import refuse_input
from moor.run.rollback import ROLLBACK

NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def rollback(options: Options, order: RollbackOrder, dry_run: bool) -> int:
    """Roll a run back, or plan it: 0 done or nothing to do, 2 the plan has changes, 1 a host refused or failed."""
    with open_fleet(options, dry_run=dry_run) as nr:
        run = run_named(nr, order.run)
        change_context(nr, rollback=replace(order, run=run))
        report = run_and_report(nr, ROLLBACK, options, "rollback")
        if not any(host.resources or host.error for host in report.hosts.values()):
            raise InputError(
                f"rollback: no host keeps anything of run {run}; moor history lists runs, hosts keep the last 20"
            )
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, order: RollbackOrder) -> None:
    """Raise InputError with every reason to refuse a rollback; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        run_named(nr, order.run)
        refuse_input(nr, ROLLBACK, "rollback")


def run_named(nr: Nornir, name: str) -> str:
    """Return the full name of the run whose name begins with ``name``; raise InputError if there is not exactly one."""
    try:
        with connected(site_of(nr), writing=False) as connection:
            found = History(connection).run(name)
    except AmbiguousRun:
        raise
    except MoorError:
        found = None
    if found is None and not NAME.fullmatch(name):
        raise InputError(f"rollback: no run is called {name}; moor history lists the last ones")
    return found.run if found else name
