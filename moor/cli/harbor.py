"""The options of harbor export."""

from __future__ import annotations

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

harbor_app = typer.Typer(help="Take over the configuration of a Harbor that is there already.")
app.add_typer(harbor_app, name="harbor")


@harbor_app.callback()
def harbor() -> None:
    """Keep export a command of its own below harbor, as long as it is the only one."""


@harbor_app.command()
@takes("site", "output", "quiet", "verbose")
def export(options: Options) -> int:
    """Print what the registry's Harbor holds as inventory; nothing is changed."""
    from moor.cli.commands import harbor as command

    return command.export(options)
