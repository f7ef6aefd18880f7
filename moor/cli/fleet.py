"""The options of check, plan, apply and verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import RunbookNames, RunbooksOrPlan, Yes, app, plan_file, refuse_like_runbook, runbook_name
from moor.cli.part import PartWords
from moor.cli.rolling import RollingWords
from moor.cli.shared_options import OF_RUNS, takes
from moor.errors import InputError


@app.command()
@takes(*OF_RUNS)
def check(
    options: Options,
    accept_new_host_keys: Annotated[
        bool, typer.Option("--accept-new-host-keys", help="show the keys of hosts without a pinned one, and pin them")
    ] = False,
    yes: Yes = False,
) -> int:
    """Check config and inventory, and reach every host."""
    from moor.cli.commands import fleet

    def confirm(question: str) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(question, err=True)

    return fleet.check(options, confirm if accept_new_host_keys else None)


@app.command()
@takes(*OF_RUNS)
def plan(
    options: Options,
    part: PartWords,
    runbook: RunbookNames = None,
    show_script: Annotated[
        bool, typer.Option("--show-script", help="show the scripts that each host would get, instead of the changes")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", readable=False, help="save the plan too, for moor show and moor apply"),
    ] = None,
) -> int:
    """Show what would change; nothing is changed anywhere."""
    from moor.cli.commands import fleet

    name = runbook_name(runbook)
    if show_script and out:
        raise InputError("plan: --show-script --out: scripts are no plan to save; leave one of the two out")
    if out:
        from moor.cli.commands import plans
        from moor.plans.saved import PlanScope

        return plans.save(options, PlanScope.of(name, options.limit, part.part()), refuse_like_runbook(out))
    if show_script:
        return fleet.show_scripts(options, name, part.part())
    return fleet.plan(options, name, part=part.part())


@app.command()
@takes(*OF_RUNS)
def apply(
    options: Options, part: PartWords, rolling: RollingWords, runbook: RunbooksOrPlan = None, yes: Yes = False
) -> int:
    """Change what differs, or exactly what a saved plan says."""
    from moor.cli.commands import fleet

    if file := plan_file(runbook):
        from moor.cli.commands import plans

        if part != PartWords():
            raise InputError(f"{file}: the plan says what is applied; leave out --only, --skip and --start-at")
        return plans.apply_saved(options, file, rolling)
    name, chosen = runbook_name(runbook), part.part()

    def run(shown: Options, dry_run: bool) -> int:
        return (fleet.plan if dry_run else fleet.apply)(shown, name, rolling, chosen)

    def refuse(shown: Options) -> None:
        fleet.refuse(shown, name, rolling, chosen)

    return run_reviewed(ChangingCommand("apply", run, refuse), options, yes)


@app.command()
@takes(*OF_RUNS)
def verify(options: Options) -> int:
    """Prove from every node that pulls and the workload work."""
    from moor.cli.commands import fleet

    return fleet.verify(options)
