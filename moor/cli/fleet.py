"""The commands that work on the whole fleet: check, plan, apply, verify."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from moor.cli.common import OF_RUNS, taking
from moor.cli.options import Options
from moor.cli.reviewed import Changing, reviewed
from moor.cli.words import Which, Yes, app


@app.command()
@taking(*OF_RUNS)
def check(
    options: Options,
    accept_new_host_keys: Annotated[
        bool, typer.Option("--accept-new-host-keys", help="show the keys of hosts that have none yet, and pin them")
    ] = False,
    yes: Yes = False,
) -> int:
    """Check that config and inventory are valid, and that every host is reached and fit for the job."""
    from moor.cli.commands import fleet

    def confirm(question: str) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(question, err=True)

    return fleet.check(options, confirm if accept_new_host_keys else None)


@app.command()
@taking(*OF_RUNS)
def plan(
    options: Options,
    runbook: Which = "site",
    show_script: Annotated[
        bool, typer.Option("--show-script", help="show the scripts that each host would get, instead of the changes")
    ] = False,
) -> int:
    """Return what would change; nothing is written anywhere."""
    from moor.cli.commands import fleet

    if show_script:
        return fleet.show_scripts(options, runbook)
    return fleet.plan(options, runbook)


@app.command()
@taking(*OF_RUNS)
def apply(options: Options, runbook: Which = "site", yes: Yes = False) -> int:
    """Change what differs."""
    from moor.cli.commands import fleet

    def run(shown: Options, dry_run: bool) -> int:
        return fleet.plan(shown, runbook) if dry_run else fleet.apply(shown, runbook)

    return reviewed(Changing("apply", run, lambda shown: fleet.refuse(shown, runbook)), options, yes)


@app.command()
@taking(*OF_RUNS)
def verify(options: Options) -> int:
    """Prove from every node: name, route, TLS, login, pull; and the workload itself."""
    from moor.cli.commands import fleet

    return fleet.verify(options)
