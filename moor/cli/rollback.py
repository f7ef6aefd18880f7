"""The options of rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import OF_RUNS, takes


@app.command()
@takes(*OF_RUNS)
def rollback(
    options: Options,
    run: Annotated[str, typer.Argument(metavar="RUN", help="its name or the start of it; moor history lists them")],
    force: Annotated[bool, typer.Option("--force", help="also restore files that were changed since")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="show what would be restored, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Restore the files that a run wrote, host by host.

    Services that read them are restarted.
    """
    from moor.cli.commands import rollback as command
    from moor.context import RollbackOrder

    order = RollbackOrder(run, force)
    rollback = ChangingCommand(
        "rollback",
        lambda shown, dry_run: command.rollback(shown, order, dry_run),
        lambda shown: command.refuse(shown, order),
    )
    return run_reviewed(rollback, options, yes, plan)
