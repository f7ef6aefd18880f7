"""The actions on saved plans: writing one, printing one, and applying exactly what it says."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

from nornir.core import Nornir

from moor.cli.commands.rolling import roll_out_of
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_safely,
    print_source,
    progress_printer,
    remember,
    render_report,
    run_and_report,
)
from moor.cli.options import DIFFERS, Options, Output
from moor.cli.rolling import AS_WRITTEN, RollingWords, command_line
from moor.errors import InputError
from moor.folding import fold
from moor.output import text
from moor.plans.file import read_plan, refuse_unwritable
from moor.plans.saved import PlanScope, SavedPlan, report_of
from moor.programs.saved_plans import PlanToApply, Runs, save_plan
from moor.programs.windows import note_windows
from moor.run.part import WHOLE
from moor.run.report import RunReport
from moor.run.rolling.roll_out import RollOut
from moor.run.runbook import Runbook


def save(options: Options, scope: PlanScope, path: Path) -> int:
    """Plan, and write the plan to a file: 0 nothing to do, 2 there are changes, 1 a host failed."""
    refuse_unwritable(path)
    with open_fleet(options, dry_run=True) as nr:
        report = save_plan(nr, scope, path, _runs(options))
        note_windows(nr, report)
    print_report(options, report, text.plan(report))
    progress_printer(options)(f"saved; show it by moor show {path}, make these changes by moor apply {path}")
    return 1 if report.failed else DIFFERS if report.differs else 0


def show(path: Path, output: Output) -> int:
    """Print a saved plan as moor plan has printed it; nothing is contacted, and no site is needed."""
    plan = read_plan(path)
    if output is Output.text:
        print_safely(f"{_heading(plan)}\n{text.plan(report_of(plan))}")
    elif output is Output.json:
        print_source(path.read_text().rstrip("\n"))
    elif output is Output.markdown:
        print_source(render_report(report_of(plan), output))
    else:
        raise InputError(f"show: it prints a plan as text, json or markdown, not {output}; leave --output out")
    return 0


def _heading(plan: SavedPlan) -> str:
    limit = "" if plan.scope.limit is None else f" --limit {shlex.quote(plan.scope.limit)}"
    part = f" {plan.scope.part}" if plan.scope.part != WHOLE else ""
    hosts = fold(list(plan.hosts))
    return f"plan {plan.plan} of {plan.site}: {plan.scope.runbook}{limit}{part}; by moor {plan.moor}, for {hosts}"


def apply_saved(options: Options, path: Path, rolling: RollingWords = AS_WRITTEN) -> int:
    """Apply exactly what a saved plan says: 0 done, 1 a host failed or differs from the plan."""
    read_plan(path)  # before the site is opened, since another file than meant is the likelier mistake
    with open_fleet(options, dry_run=True) as nr:
        plan = PlanToApply.read(nr, path)
        roll_out = roll_out_of(plan.nr, plan.book, rolling)
        report = plan.apply(_runs(replace(options, limit=None)), roll_out)
    if report.stopped:
        report.go_on = command_line("apply", str(path), options, rolling.typed())
    print_report(options, report, text.applied(report))
    return 1 if report.failed else 0


def _runs(options: Options) -> Runs:
    return Runs(partial(_run, options), remember)


def _run(options: Options, nr: Nornir, runbook: Runbook, command: str, roll_out: RollOut) -> RunReport:
    return run_and_report(nr, runbook, options, command, roll_out)
