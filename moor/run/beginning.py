"""How every run begins: its input is checked, and its report is made."""

from __future__ import annotations

from nornir.core import Nornir

from moor.context import change_context, new_run
from moor.errors import ErrorKind
from moor.run.input_check import refuse_bad_input
from moor.run.report import HostReport, RunReport
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.runbook import Runbook
from moor.run.selection import refuse_unfilled, refuse_unmatched
from moor.settings.roles import name_registries


def refuse_input(nr: Nornir, runbook: Runbook, command: str) -> None:
    """Raise InputError for faults of the command's arguments or the inventory, before any connection."""
    refuse_unfilled(nr, runbook.stages)
    refuse_unmatched(nr, runbook, command)
    refuse_bad_input(nr.inventory.hosts.values(), runbook.stages, examining=runbook.independent)


def begin_report(nr: Nornir, runbook: Runbook, command: str, roll_out: RollOut = TOGETHER) -> RunReport:
    """Begin a run: name it, and return its report, in which hosts that take no part have failed.

    Args:
        nr: the hosts.
        runbook: the stages.
        command: the command, as history names it.
        roll_out: how the run goes over the hosts.
    """
    context = change_context(nr, run=new_run(), command=command)
    hosts = {name: HostReport() for name in nr.inventory.hosts}
    registry = name_registries(nr.inventory.hosts.values())
    report = RunReport(context.run, runbook.name, hosts, command=command, registry=registry, ticket=roll_out.ticket)
    for name, words in roll_out.left_out.items():
        report.hosts[name].fail(words, ErrorKind.CONFLICT)
        nr.data.failed_hosts.add(name)
    return report
