"""The command that puts back what a run wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.common import OF_RUNS, taking
from moor.cli.options import Options
from moor.cli.reviewed import Changing, reviewed
from moor.cli.words import Yes, app


@app.command()
@taking(*OF_RUNS)
def rollback(
    options: Options,
    run: Annotated[str, typer.Argument(metavar="RUN", help="by its name or how that begins; moor history lists them")],
    force: Annotated[bool, typer.Option("--force", help="files that were changed since, too")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be put back, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Put back the files that a run wrote, host by host, and restart what reads them."""
    from moor.cli.commands import rollback as command
    from moor.context import RollbackOrder

    order = RollbackOrder(run, force)
    rollback = Changing(
        "rollback",
        lambda shown, dry_run: command.rollback(shown, order, dry_run),
        lambda shown: command.refuse(shown, order),
    )
    return reviewed(rollback, options, yes, plan)
