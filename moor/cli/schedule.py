"""The commands that have a drift check run by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.common import taking
from moor.cli.options import Options
from moor.cli.words import MendKinds, app, mend_kinds_of

schedule_app = typer.Typer(help="Have the drift check run by itself; alone, it shows what is scheduled.")
app.add_typer(schedule_app, name="schedule")
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="NAME=value lines of what env: references name")]


@schedule_app.callback(invoke_without_command=True)
@taking("site")
def schedule(options: Options, context: typer.Context) -> int:
    """Have the drift check run by itself; alone, it shows what is scheduled."""
    from moor.cli.commands import schedule as command

    return 0 if context.invoked_subcommand else command.show(options)


@schedule_app.command()
@taking("site", "limit", "verbose")
def install(
    options: Options,
    every: Annotated[str, typer.Option("--every", help="5m to 30m, 1h to 12h, 1d, 7d")],
    runbook: Annotated[str, typer.Option("--runbook", help="one alone, or one concern; everything")] = "",
    apply: MendKinds = None,
    env_file: EnvFile = None,
) -> int:
    """Write a timer of systemd's for this site, or a line for cron, and start it."""
    from moor.cli.commands import schedule as command

    words = command.Words(every, runbook, mend_kinds_of(apply), options.limit, env_file)
    return command.install(replace(options, quiet=True), words)


@schedule_app.command()
@taking("site", "verbose")
def show(options: Options) -> int:
    """Show what is scheduled for this site, how it ran last and when it will."""
    from moor.cli.commands import schedule as command

    return command.show(options)


@schedule_app.command()
@taking("site", "verbose")
def remove(options: Options) -> int:
    """Take it away; nothing is left."""
    from moor.cli.commands import schedule as command

    return command.remove(options)
