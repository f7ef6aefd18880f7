"""The action of remove: take away what retired concerns left on hosts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from nornir.core import Nornir

from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_warning,
    progress_printer,
    remember,
    run_and_report,
)
from moor.cli.options import DIFFERS, Options
from moor.context import RetirementOrder, change_context, site_of
from moor.errors import HistoryError
from moor.folding import fold
from moor.output import text
from moor.run.beginning import refuse_input
from moor.run.retirement import RETIREMENT, refuse_unretirable, remembered_kinds, still_wanted
from moor.run.selection import all_stages


def remove(options: Options, concerns: tuple[str, ...], dry_run: bool) -> int:
    """Remove what concerns left, or plan it: 0 done or nothing to do, 2 the plan has changes, 1 a host failed."""
    with open_fleet(options, dry_run=dry_run) as nr:
        _order(nr, concerns)
        _tell_wanted(nr, options, concerns)
        report = run_and_report(nr, RETIREMENT, options, "remove")
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse(options: Options, concerns: tuple[str, ...]) -> None:
    """Raise InputError for faults of the words or the site; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        _order(nr, concerns)
        refuse_input(nr, RETIREMENT, "remove")


def _order(nr: Nornir, concerns: tuple[str, ...]) -> None:
    stages = all_stages(site_of(nr).directory).stages
    refuse_unretirable(stages, concerns)
    kinds = remembered_kinds(stages, concerns)
    written, written_on = _written(nr, kinds) if kinds else ({}, {})
    change_context(nr, retirement=RetirementOrder(concerns, written=written, written_on=written_on))


def _written(nr: Nornir, kinds: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, frozenset[str]]]:
    """Return what history knows of resources that moor wrote behind an API or on a device; nothing without any run."""
    from moor.history.database import connected
    from moor.history.reading import History

    try:
        with connected(site_of(nr), writing=False) as connection:
            history = History(connection)
            return history.written(kinds), history.written_on(kinds)
    except HistoryError as error:
        print_warning(f"remove: what moor wrote behind APIs is not known, and stays: {error}")
        return {}, {}


def _tell_wanted(nr: Nornir, options: Options, concerns: tuple[str, ...]) -> None:
    """Say for which hosts the inventory has a concern still: what it says there is not removed."""
    found = defaultdict[str, list[str]](list)
    for concern, host in still_wanted(nr.inventory.hosts.values(), all_stages(site_of(nr).directory).stages, concerns):
        found[concern].append(host)
    for concern, hosts in found.items():
        words = f"the inventory has {concern} for {fold(hosts)} still, and what it says there stays"
        progress_printer(options)(f"remove: {words}")
