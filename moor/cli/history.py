"""The command that says what happened when."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.common import taking
from moor.cli.options import Options
from moor.cli.words import app


@app.command()
@taking("site", "output", "verbose")
def history(
    options: Options,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="one run, by its name or how that begins")] = "",
    host: Annotated[str, typer.Option("--host", help="what happened on this host")] = "",
    last: Annotated[int, typer.Option("--last", min=1, max=100_000, help="how many runs")] = 20,
) -> int:
    """Return what happened when: the last runs and what is open, one run, or one host; no host is asked."""
    from moor.cli.commands import history as command

    return command.history(options, run, host, last)
