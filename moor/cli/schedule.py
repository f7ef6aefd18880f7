"""The commands that have a drift check run by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.words import Kinds, Limit, Site, Verbose, app, kinds_of
from moor.options import Options

schedule_app = typer.Typer(help="Have the drift check run by itself; alone, it shows what is scheduled.")
app.add_typer(schedule_app, name="schedule")
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="NAME=value lines of what env: references name")]


@schedule_app.callback(invoke_without_command=True)
def schedule(context: typer.Context, site: Site = None) -> int:
    """Have the drift check run by itself; alone, it shows what is scheduled."""
    from moor.commands import schedule as command

    return 0 if context.invoked_subcommand else command.show(Options(site))


@schedule_app.command()
def install(
    every: Annotated[str, typer.Option("--every", help="5m to 30m, 1h to 12h, 1d, 7d")],
    runbook: Annotated[str, typer.Option("--runbook", help="one alone, or one concern; everything")] = "",
    apply: Kinds = None, env_file: EnvFile = None, site: Site = None, limit: Limit = None, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Write a timer of systemd's for this site, or a line for cron, and start it."""
    from moor.commands import schedule as command

    words = command.Words(every, runbook, kinds_of(apply), limit, env_file)
    return command.install(Options(site, limit, quiet=True, verbose=verbose), words)


@schedule_app.command()
def show(site: Site = None, verbose: Verbose = False) -> int:
    """Show what is scheduled for this site, how it ran last and when it will."""
    from moor.commands import schedule as command

    return command.show(Options(site, verbose=verbose))


@schedule_app.command()
def remove(site: Site = None, verbose: Verbose = False) -> int:
    """Take it away; nothing is left."""
    from moor.commands import schedule as command

    return command.remove(Options(site, verbose=verbose))
