"""The options of rotate robot."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import OF_RUNS, takes

rotate_app = typer.Typer(help="Replace logins while everything goes on pulling.")
app.add_typer(rotate_app, name="rotate")


@rotate_app.callback()
def rotate() -> None:
    """Replace logins while everything goes on pulling."""


@rotate_app.command()
@takes(*OF_RUNS)
def robot(
    options: Options,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROJECT+ROBOT]...", help="robots; by default those that are begun or too old"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="show what would be done, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Replace the login of robots: two are valid until every node has pulled by the new one."""
    from moor.cli.commands import rotate as command

    chosen = tuple(names or ())
    rotation = ChangingCommand(
        "rotate robot",
        lambda shown, dry_run: command.rotate(shown, chosen, dry_run),
        lambda shown: command.refuse(shown, chosen),
    )
    return run_reviewed(rotation, options, yes, plan)
