"""The options of history."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes


@app.command()
@takes("site", "output", "verbose")
def history(
    options: Options,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="one run, by its name or the start of it")] = "",
    host: Annotated[str, typer.Option("--host", help="what happened on this host")] = "",
    last: Annotated[int, typer.Option("--last", min=1, max=100_000, help="how many runs")] = 20,
) -> int:
    """Show past runs and findings, of one host or all.

    The history is read from the database; no host is contacted.
    """
    from moor.cli.commands import history as command

    return command.history(options, run, host, last)
