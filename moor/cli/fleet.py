"""The commands that work on the whole fleet: check, plan, apply, verify."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Which, Workers, Yes, app
from moor.errors import InputError
from moor.options import Options, Output


@app.command()
def check(
    site: Site = None, limit: Limit = "", workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
    accept_new_host_keys: Annotated[
        bool, typer.Option("--accept-new-host-keys", help="show the keys of hosts that have none yet, and pin them")
    ] = False,
    yes: Yes = False,
) -> int:  # fmt: skip
    """Check that config and inventory are valid and every host is reached."""
    from moor.commands import fleet

    def confirm(question: str) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(question, err=True)

    return fleet.check(Options(site, limit, workers, output, quiet, verbose), confirm if accept_new_host_keys else None)


@app.command()
def plan(
    runbook: Which = "site", site: Site = None, limit: Limit = "", workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Say what would change; nothing is written anywhere."""
    from moor.commands import fleet

    return fleet.plan(Options(site, limit, workers, output, quiet, verbose), runbook)


@app.command()
def apply(
    runbook: Which = "site", site: Site = None, limit: Limit = "", workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Change what differs."""
    from moor.commands import fleet

    options = Options(site, limit, workers, output, quiet, verbose)
    if yes:
        return fleet.apply(options, runbook)
    if not sys.stdin.isatty():
        raise InputError("apply: nobody to ask, since standard input is no terminal; say --yes")
    planned = fleet.plan(replace(options, output=Output.text), runbook)
    if planned == 2 and typer.confirm("Apply this?", err=True):
        return fleet.apply(options, runbook)
    return 0 if planned == 2 else planned


@app.command()
def verify(
    site: Site = None, limit: Limit = "", workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:  # fmt: skip
    """Prove from every node: name, route, TLS, login, pull; and the workload itself."""
    from moor.commands import fleet

    return fleet.verify(Options(site, limit, workers, output, quiet, verbose))
