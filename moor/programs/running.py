"""Runs without a terminal: a report is made and recorded; nothing is printed."""

from __future__ import annotations

from nornir.core import Nornir

from moor.context import fleet_of, site_of
from moor.engine.plan import printable
from moor.history.configurations import ConfigurationKeeper
from moor.programs.saved_plans import Runs
from moor.run.beginning import begin_report, refuse_input
from moor.run.execution import run_runbook
from moor.run.report import Collector, RunReport
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.runbook import Runbook


def run_stages(nr: Nornir, runbook: Runbook, command: str, roll_out: RollOut = TOGETHER) -> RunReport:
    """Run a runbook and return its report; raise InputError for faults before any connection."""
    refuse_input(nr, runbook, command)
    report = begin_report(nr, runbook, command, roll_out)
    keeper = ConfigurationKeeper(nr)
    run = nr.with_processors([*nr.processors, Collector(report), keeper])
    report.skip(run_runbook(run, runbook, roll_out=roll_out))
    if trouble := keeper.keep(report):
        report.warnings.append(printable(trouble))
    return report


def record_run(nr: Nornir, report: RunReport) -> None:
    """Record a run in history; if that fails, the run still counts, and the report has a warning."""
    from moor.history.recording import record

    recorded = record(site_of(nr), report, frozenset(fleet_of(nr).hosts))
    if recorded.trouble:
        report.warnings.append(printable(f"this run is not recorded: {recorded.trouble}"))


RUNS = Runs(run_stages, record_run)
