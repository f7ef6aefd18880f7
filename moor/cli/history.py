"""The command that says what happened when."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.words import Shape, Site, Verbose, app
from moor.options import Options, Output


@app.command()
def history(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="one run, by its name or how that begins")] = "",
    host: Annotated[str, typer.Option("--host", help="what happened on this host")] = "",
    last: Annotated[int, typer.Option("--last", min=1, max=100_000, help="how many runs")] = 20,
    site: Site = None, output: Shape = Output.text, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Say what happened when: the last runs and what is open, one run, or one host; no host is asked."""
    from moor.commands import history as command

    return command.history(Options(site, output=output, verbose=verbose), run, host, last)
