"""Runs without a terminal: a report is made and recorded; nothing is printed."""

from __future__ import annotations

from contextlib import nullcontext

from nornir.core import Nornir

from moor.context import fleet_of, site_of
from moor.engine.plan import printable
from moor.history.configurations import ConfigurationKeeper
from moor.programs.progress import ProgressLines, Tell
from moor.programs.saved_plans import Runs
from moor.progress import send_progress_to
from moor.run.beginning import begin_report, refuse_input
from moor.run.execution import run_runbook
from moor.run.report import Collector, RunReport
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.runbook import Runbook


def run_stages(
    nr: Nornir, runbook: Runbook, command: str, roll_out: RollOut = TOGETHER, tell: Tell | None = None
) -> RunReport:
    """Run a runbook and return its report; raise InputError for faults before any connection.

    Args:
        nr: the hosts.
        runbook: the stages.
        command: as history names it.
        roll_out: how the run goes over the hosts.
        tell: is called with lines of progress.
    """
    refuse_input(nr, runbook, command)
    report = begin_report(nr, runbook, command, roll_out)
    keeper = ConfigurationKeeper(nr)
    lines = ProgressLines(tell) if tell else None
    run = nr.with_processors([*nr.processors, Collector(report), keeper, *([lines] if lines else ())])
    with send_progress_to(lines.line) if lines else nullcontext():
        report.skip(run_runbook(run, runbook, lines.line if lines else _silent, roll_out))
    if trouble := keeper.keep(report):
        report.warnings.append(printable(trouble))
    return report


def _silent(_: str) -> None:
    """Tell nobody."""


def record_run(nr: Nornir, report: RunReport) -> None:
    """Record a run in history; if that fails, the run still counts, and the report has a warning."""
    from moor.history.recording import record

    recorded = record(site_of(nr), report, frozenset(fleet_of(nr).hosts))
    if recorded.trouble:
        report.warnings.append(printable(f"this run is not recorded: {recorded.trouble}"))


def runs_told(tell: Tell | None) -> Runs:
    """Return how a program's runs are made and kept, with their progress told."""

    def make(nr: Nornir, runbook: Runbook, command: str, roll_out: RollOut = TOGETHER) -> RunReport:
        return run_stages(nr, runbook, command, roll_out, tell)

    return Runs(make, record_run)
