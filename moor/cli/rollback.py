"""The command that puts back what a run wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.reviewed import reviewed
from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Workers, Yes, app
from moor.options import Options, Output


@app.command()
def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="by its name or how that begins; moor history lists them")],
    force: Annotated[bool, typer.Option("--force", help="files that were changed since, too")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be put back, and write nothing")] = False,
    site: Site = None, limit: Limit = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Put back the files that a run wrote, host by host, and restart what reads them."""
    from moor.commands import rollback as command
    from moor.rollback import Wanted

    options, wanted = Options(site, limit, workers, output, quiet, verbose), Wanted(run, force)
    return reviewed(lambda shown, dry_run: command.rollback(shown, wanted, dry_run), options, "rollback", yes, plan)
