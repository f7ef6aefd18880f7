"""The first step of offboard, if it is asked for: the node's pods go to other nodes, and it leaves the cluster."""

from __future__ import annotations

from dataclasses import replace

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.cli.commands.offboard_options import NODES, Leaving
from moor.cli.commands.running import open_fleet, print_report, remember, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options
from moor.context import RetirementOrder, change_context, context_of
from moor.errors import InputError
from moor.output import text

RUNBOOK = "leaving"


def leave_cluster(options: Options, name: str, dry_run: bool) -> int:
    """Have the cluster evict a node's pods and forget the node, or plan it: 0 done, 2 planned, 1 it failed."""
    with open_fleet(replace(options, limit=name), dry_run=dry_run) as nr:
        change_context(nr, retirement=RetirementOrder(leaves=True))
        report = run_and_report(nr, runbook_of(nr, RUNBOOK), replace(options, limit=None), "offboard")
        if not dry_run:
            remember(nr, report)
    print_report(options, report, text.plan(report) if dry_run else text.applied(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def refuse_drain(nr: Nornir, host: Host, leaving: Leaving) -> None:
    """Raise InputError for a host whose pods cannot be evicted by moor."""
    if leaving.gone:
        raise InputError(
            f"offboard: --drain --gone: the pods of {host.name} do not end where nobody reaches it; leave --drain out, "
            f"and run: kubectl delete node {host.name}"
        )
    if not host.has_parent_group(NODES):
        raise InputError(f"offboard: --drain: {host.name} is not in the group {NODES}; leave --drain out")
    if host.name in context_of(nr).joined:
        raise InputError(
            f"offboard: --drain: {host.name} comes from the cluster's own list and is in no file; first run: "
            f"moor hosts adopt {host.name}"
        )
