"""The actions on saved plans: writing one, printing one, and applying exactly what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nornir.core import Nornir

from moor.cli.commands.rolling import roll_out_of
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_safely,
    progress_printer,
    remember,
    render_report,
    run_and_report,
    runbook_of,
)
from moor.cli.options import DIFFERS, Options, Output
from moor.cli.rolling import AS_WRITTEN, RollingWords, command_line
from moor.context import change_context, fleet_of, new_run, separate_nornir, site_of
from moor.errors import ErrorKind, InputError
from moor.folding import fold
from moor.output import text
from moor.plans.comparing import Refusals, refusals
from moor.plans.file import existing_key, fingerprint_key, read_plan, refuse_unwritable, signing_key, write_plan
from moor.plans.progress import PlanProgress
from moor.plans.recording import FingerprintCollector, plan_of
from moor.plans.saved import PlanScope, SavedPlan, changes_by_host, report_of
from moor.run.part import WHOLE, take_part
from moor.run.report import HostReport, RunReport
from moor.run.rolling.roll_out import RollOut
from moor.run.runbook import Runbook
from moor.secrets.secret import Secret

GONE = "it is in the saved plan and no longer in the inventory"
REMEDY = "nothing is changed there; plan again, and have that approved"


def save(options: Options, scope: PlanScope, path: Path) -> int:
    """Plan, and write the plan to a file: 0 nothing to do, 2 there are changes, 1 a host failed."""
    refuse_unwritable(path)
    with open_fleet(options, dry_run=True) as nr:
        settings = site_of(nr)
        key = signing_key(settings)
        report, plan = _planned(nr, options, scope, key, "")
        write_plan(path, plan, key)
    print_report(options, report, text.plan(report))
    progress_printer(options)(f"saved; show it by moor show {path}, make these changes by moor apply {path}")
    return 1 if report.failed else DIFFERS if report.differs else 0


def show(path: Path, output: Output) -> int:
    """Print a saved plan as moor plan has printed it; nothing is contacted, and no site is needed."""
    plan = read_plan(path)
    if output is Output.text:
        print_safely(f"{_heading(plan)}\n{text.plan(report_of(plan))}")
    elif output is Output.json:
        print_safely(path.read_text().rstrip("\n"))
    elif output is Output.markdown:
        print_safely(render_report(report_of(plan), output))
    else:
        raise InputError(f"show: it prints a plan as text, json or markdown, not {output}; leave --output out")
    return 0


def _heading(plan: SavedPlan) -> str:
    limit = "" if plan.scope.limit is None else f" --limit {plan.scope.limit}"
    part = f" {plan.scope.part}" if plan.scope.part != WHOLE else ""
    hosts = fold(list(plan.hosts))
    return f"plan {plan.plan} of {plan.site}: {plan.scope.runbook}{limit}{part}; by moor {plan.moor}, for {hosts}"


def apply_saved(options: Options, path: Path, rolling: RollingWords = AS_WRITTEN) -> int:
    """Apply exactly what a saved plan says: 0 done, 1 a host failed or differs from the plan."""
    read_plan(path)  # before the site is opened, since another file than meant is the likelier mistake
    with open_fleet(options, dry_run=True) as nr:
        settings = site_of(nr)
        key = existing_key(settings)
        saved = read_plan(path, key)
        some = _hosts_of(nr, saved, path)
        roll_out = roll_out_of(some, _book(some, saved.scope), rolling)
        _, now = _planned(some, options, saved.scope, key, saved.plan)
        progress = PlanProgress(settings.state, saved.plan)
        roll_out = replace(roll_out, left_out=_refused(now, refusals(saved, now, progress.begun())))
        progress.begin([name for name in changes_by_host(now.changes) if name not in roll_out.left_out])
        report = _make(some, replace(options, limit=None), saved, roll_out)
        progress.end([name for name, host in report.hosts.items() if not host.error])
    if report.stopped:
        report.go_on = command_line("apply", str(path), options, rolling.typed())
    print_report(options, report, text.applied(report))
    return 1 if report.failed else 0


def _hosts_of(nr: Nornir, saved: SavedPlan, path: Path) -> Nornir:
    """Return Nornir over the hosts of the plan that are in the inventory and within --limit."""
    some = nr.filter(filter_func=lambda host: host.name in saved.hosts)
    if not some.inventory.hosts:
        raise InputError(
            f"{path}: none of its hosts is among those of the inventory and --limit: {fold(list(saved.hosts))}"
        )
    return some


def _book(nr: Nornir, scope: PlanScope) -> Runbook:
    """Return the stages that a plan is for, and have the run leave out what the plan leaves out."""
    return take_part(nr, runbook_of(nr, scope.runbook), scope.part)


def _planned(nr: Nornir, options: Options, scope: PlanScope, key: Secret, plan: str) -> tuple[RunReport, SavedPlan]:
    """Plan the hosts; ``plan`` is the id of the plan to compare with, empty to make a new one."""
    collector = FingerprintCollector()
    name = plan or new_run()
    change_context(nr, fingerprint_key=fingerprint_key(key, name))
    try:
        report = run_and_report(nr.with_processors([collector]), _book(nr, scope), options, "plan")
    finally:
        change_context(nr, fingerprint_key="")
    return report, replace(plan_of(nr, report, collector, scope), plan=name)


def _make(nr: Nornir, options: Options, saved: SavedPlan, roll_out: RollOut) -> RunReport:
    """Make the changes of the plan, but for the hosts that the roll-out leaves out, and record the run."""
    planned = changes_by_host(saved.changes)
    approved = {name: frozenset(planned.get(name, {})) for name in nr.inventory.hosts}
    applying = separate_nornir(nr, dry_run=False, approved=approved)
    report = run_and_report(applying, _book(applying, saved.scope), options, "apply", roll_out)
    for name in saved.hosts.keys() - fleet_of(nr).hosts.keys():
        report.hosts[name] = HostReport()
        report.hosts[name].fail(GONE, ErrorKind.CONFLICT)
    remember(applying, report)
    return report


def _refused(now: SavedPlan, differing: Refusals) -> Mapping[str, str]:
    """Return by host why the plan is not applied there."""
    failed = {name: host.error for name, host in now.hosts.items() if host.error}
    words = {name: "\n".join(["it differs from the saved plan:", *lines, REMEDY]) for name, lines in differing.items()}
    return failed | words
