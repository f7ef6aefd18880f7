"""The command that puts back what a run wrote."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Workers, Yes, app
from moor.errors import InputError
from moor.options import Options, Output


@app.command()
def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="by its name or how that begins; moor history lists them")],
    force: Annotated[bool, typer.Option("--force", help="files that were changed since, too")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be put back, and write nothing")] = False,
    site: Site = None, limit: Limit = "", workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Put back the files that a run wrote, host by host, and restart what reads them."""
    from moor.commands import rollback as command
    from moor.rollback import Wanted

    options, wanted = Options(site, limit, workers, output, quiet, verbose), Wanted(run, force)
    if yes and not plan:
        return command.rollback(options, wanted, dry_run=False)
    if not plan and not sys.stdin.isatty():
        raise InputError("rollback: nobody to ask, since standard input is no terminal; say --yes")
    planned = command.rollback(replace(options, output=output if plan else Output.text), wanted, dry_run=True)
    if not plan and planned == 2 and typer.confirm("Put this back?", err=True):
        return command.rollback(options, wanted, dry_run=False)
    return planned if plan or planned != 2 else 0
