"""The options of offboard."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.commands.offboard_options import Leaving
from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import takes


@app.command()
@takes("site", "workers", "quiet", "verbose")
def offboard(
    options: Options,
    node: Annotated[str, typer.Argument(metavar="NODE", help="a host of the inventory")],
    plan: Annotated[bool, typer.Option("--plan", help="show what would be done, and write nothing")] = False,
    yes: Yes = False,
    *,
    leaving: Leaving,
) -> int:
    """Take a node out: its settings, its entry, its way in; prove that it no longer gets in."""
    from moor.cli.commands import offboard as command

    offboarding = ChangingCommand(
        "offboard",
        lambda shown, dry_run: command.offboard(shown, node, leaving, dry_run),
        lambda shown: command.refuse(shown, node),
    )
    return run_reviewed(offboarding, options, yes, plan)
