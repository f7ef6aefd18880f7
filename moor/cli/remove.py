"""The options of remove."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import OF_RUNS, takes


@app.command()
@takes(*OF_RUNS)
def remove(
    options: Options,
    concerns: Annotated[list[str], typer.Argument(metavar="CONCERN...", help="such as mirrors, firewall, podman")],
    plan: Annotated[bool, typer.Option("--plan", help="show what would be removed, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Remove from hosts what a concern left that the inventory says no longer."""
    from moor.cli.commands import remove as command

    chosen = tuple(dict.fromkeys(word for words in concerns for word in words.replace(",", " ").split()))
    removal = ChangingCommand(
        "remove",
        lambda shown, dry_run: command.remove(shown, chosen, dry_run),
        lambda shown: command.refuse(shown, chosen),
    )
    return run_reviewed(removal, options, yes, plan)
