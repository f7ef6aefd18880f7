"""The options of schedule install, show and remove."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import MendKinds, Watched, app, mend_kinds_of, watched_name
from moor.cli.shared_options import takes
from moor.schedule.job import Work

schedule_app = typer.Typer(
    help="Schedule drift checks, backups and rotations; without a subcommand, show what is scheduled."
)
app.add_typer(schedule_app, name="schedule")
Every = Annotated[str, typer.Option("--every", help="5m to 30m, 1h to 12h, 1d, 7d")]
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="a file of NAME=value lines for env: references")]


@schedule_app.callback(invoke_without_command=True)
@takes("site")
def schedule(options: Options, context: typer.Context) -> int:
    """Schedule drift checks, backups and rotations; without a subcommand, show what is scheduled."""
    from moor.cli.commands import schedule as command

    return 0 if context.invoked_subcommand else command.show(options)


@schedule_app.command()
@takes("site", "limit", "verbose")
def install(
    options: Options,
    every: Every,
    runbook: Watched = "",
    apply: MendKinds = None,
    env_file: EnvFile = None,
) -> int:
    """Install and start a systemd timer for this site, or a cron job."""
    from moor.cli.commands import schedule as command

    words = command.JobOptions(every, watched_name(runbook), mend_kinds_of(apply), options.limit, env_file)
    return command.install(replace(options, quiet=True), words)


@schedule_app.command()
@takes("site", "verbose")
def backup(options: Options, every: Every, env_file: EnvFile = None) -> int:
    """Install and start a timer, or a cron job, that makes a backup of the registry."""
    from moor.cli.commands import schedule as command

    words = command.JobOptions(every, env_file=env_file, work=Work.backup)
    return command.install(replace(options, quiet=True), words)


@schedule_app.command()
@takes("site", "verbose")
def rotation(options: Options, every: Every, env_file: EnvFile = None) -> int:
    """Install and start a timer, or a cron job, that rotates the logins of robots that are too old."""
    from moor.cli.commands import schedule as command

    words = command.JobOptions(every, env_file=env_file, work=Work.rotation)
    return command.install(replace(options, quiet=True), words)


@schedule_app.command()
@takes("site", "verbose")
def show(options: Options) -> int:
    """Show what is scheduled for this site, its last result and its next run."""
    from moor.cli.commands import schedule as command

    return command.show(options)


@schedule_app.command()
@takes("site", "verbose")
def remove(
    options: Options,
    what: Annotated[Work | None, typer.Argument(metavar="[drift|backup|rotation]", help="by default all")] = None,
) -> int:
    """Remove what is scheduled for this site, completely."""
    from moor.cli.commands import schedule as command

    return command.remove(options, [what] if what else list(Work))
