"""The action of failover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nornir.core import Nornir

from moor.cli.commands.diagnose import proof_exit_code
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_warning,
    remember,
    run_and_report,
    runbook_of,
    worst_code,
)
from moor.cli.options import DIFFERS, Options, Output
from moor.context import context_of, fleet_of
from moor.output import text
from moor.output.matrix import matrix
from moor.run.beginning import refuse_input
from moor.run.protocols.keeping import Failover, failover_of
from moor.run.report import RunReport
from moor.run.serving import choose_host, serve_from
from moor.runner.loop_runner import LoopRunner
from moor.workers.dask import DaskRunner

BOOK = "failover"


@dataclass(frozen=True)
class Wanted:
    """What the user wants.

    Attributes:
        host: the host that is to serve; empty for the other one.
        back: the first one.
        unsynced: without a last copy, though the other one answers.
    """

    host: str
    back: bool
    unsynced: bool


def failover(options: Options, wanted: Wanted, dry_run: bool) -> int:
    """Move the registry's name to the other host, then prove pulls: 0 done, 2 planned or a proof fails, 1 error."""
    with open_fleet(options, dry_run=dry_run) as whole:
        nr, book = _here(whole), runbook_of(whole, BOOK)
        host = choose_host(nr, wanted.host, wanted.back)
        nr = _without_dead(nr, host, wanted, failover_of(book))
        serve_from(nr, host)
        report = run_and_report(nr, book, options, BOOK)
        if dry_run:
            print_report(options, report, text.plan(report))
            return 1 if report.failed else DIFFERS if report.differs else 0
        remember(nr, report)
        return _proven(nr, options, report, lambda: failover_of(book).end(fleet_of(nr).hosts[host]))


def _here(nr: Nornir) -> Nornir:
    """Return the fleet with a runner of this process: workers would read the inventory as it was."""
    return nr.with_runner(LoopRunner()) if isinstance(nr.runner, DaskRunner) else nr


def _without_dead(nr: Nornir, host: str, wanted: Wanted, command: Failover) -> Nornir:
    """Return the fleet without the other registry's host, if that one does not answer or is to be passed over."""
    other = next(name for name in context_of(nr).registry_pair if name != host)
    trouble = "--unsynced" if wanted.unsynced else command.trouble_of(fleet_of(nr).hosts[other])
    if not trouble:
        return nr
    print_warning(
        f"{other} is left out ({trouble}): what was pushed to it and not copied is not on {host}. "
        f"When {other} is back, moor failover {host} makes it the standby"
    )
    return nr.filter(filter_func=lambda one: one.name != other)


def _proven(nr: Nornir, options: Options, report: RunReport, end: Callable[[], None]) -> int:
    """Prove pulls from the hosts that the failover reached, print both reports, and note the end if all is well."""
    pair = context_of(nr).registry_pair  # how far the other one is behind is no matter of this command
    reached = nr.filter(filter_func=lambda one: not (report.hosts[one.name].error or one.name in pair))
    book = runbook_of(nr, "verify")
    if not any(stage.runs_on(one) for one in reached.inventory.hosts.values() for stage in book.stages):
        print_report(options, report, text.applied(report))
        return 1 if report.failed else 0
    proofs = run_and_report(reached, book, options, BOOK)
    remember(nr, proofs)
    if options.output is Output.text:
        print_report(options, report, "\n".join((text.applied(report), matrix(proofs))))
    else:
        print_report(options, _joined(report, proofs), "")
    code = worst_code((1 if report.failed else 0, proof_exit_code(proofs)))
    if code == 0:
        end()
    return code


def _joined(report: RunReport, proofs: RunReport) -> RunReport:
    """Return one report of the failover and its proofs."""
    for name, host in proofs.hosts.items():
        report.hosts[name].resources += host.resources
        report.hosts[name].error = report.hosts[name].error or host.error
    report.findings += proofs.findings
    return report


def refuse(options: Options, wanted: Wanted) -> None:
    """Raise InputError with the faults that would refuse a failover; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        serve_from(nr, choose_host(nr, wanted.host, wanted.back))
        refuse_input(nr, runbook_of(nr, BOOK), BOOK)
