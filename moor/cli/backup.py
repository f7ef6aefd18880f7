"""The options of backup, backup list, backup check and restore."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import takes

backup_app = typer.Typer(help="Back up the registry that moor runs; list and check backups.")
app.add_typer(backup_app, name="backup")
Name = Annotated[str, typer.Argument(metavar="[BACKUP]", help="its name or the start of it; by default the newest")]
OF_BACKUPS = ("site", "output", "quiet", "verbose")


@backup_app.callback(invoke_without_command=True)
@takes(*OF_BACKUPS)
def backup(options: Options, context: typer.Context) -> int:
    """Back up the registry: database, images, keys, configuration, and this site's state.

    Pulls and pushes go on meanwhile. Only what earlier backups lack is copied.
    """
    from moor.cli.commands import backup as command

    return 0 if context.invoked_subcommand else command.back_up(options)


@backup_app.command("list")
@takes("site", "output", "verbose")
def list_(options: Options) -> int:
    """List the backups of this site, with those that did not come to their end."""
    from moor.cli.commands import backup as command

    return command.list_backups(options)


@backup_app.command()
@takes(*OF_BACKUPS)
def check(options: Options, name: Name = "") -> int:
    """Restore a backup into a throw-away database, count what it holds, and verify every blob by its digest."""
    from moor.cli.commands import backup as command

    return command.check(options, name)


@app.command()
@takes(*OF_BACKUPS)
def restore(
    options: Options,
    name: Name = "",
    over: Annotated[
        bool, typer.Option("--over", help="also where the registry holds something, which is lost")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="show what would be done, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Restore the registry from a backup, on a bare host too: Harbor is installed first where it is missing."""
    from moor.cli.commands import backup as command

    restoring = ChangingCommand(
        "restore",
        lambda shown, dry_run: command.restore(shown, name, over, dry_run),
        lambda shown: command.refuse(shown, name, over),
    )
    return run_reviewed(restoring, options, yes, plan)
