"""The options of failover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import takes


@dataclass(frozen=True)
class Target:
    """Which registry is to serve; by default the other one, or the one that a failover under way moves to."""

    host: Annotated[str, typer.Argument(metavar="[HOST]", help="the registry host that is to serve")] = ""
    back: Annotated[bool, typer.Option("--back", help="to the first one, of data.registry.address")] = False
    unsynced: Annotated[bool, typer.Option("--unsynced", help="without a last copy, though the other one answers")] = (
        False
    )


@app.command()
@takes("site", "workers", "output", "quiet", "verbose")
def failover(
    options: Options,
    target: Target,
    plan: Annotated[bool, typer.Option("--plan", help="show what would be done, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Let the other of two registry hosts serve the registry's name, or continue an interrupted failover."""
    from moor.cli.commands import failover as command

    wanted = command.Wanted(target.host, target.back, target.unsynced)
    moving = ChangingCommand(
        "failover",
        lambda shown, dry_run: command.failover(shown, wanted, dry_run),
        lambda shown: command.refuse(shown, wanted),
    )
    return run_reviewed(moving, options, yes, plan)
