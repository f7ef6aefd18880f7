"""The commands that work on the whole fleet: check, plan, apply, verify."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from moor.cli.reviewed import reviewed
from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Which, Workers, Yes, app
from moor.options import Options, Output


@app.command()
def check(
    site: Site = None, limit: Limit = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
    accept_new_host_keys: Annotated[
        bool, typer.Option("--accept-new-host-keys", help="show the keys of hosts that have none yet, and pin them")
    ] = False,
    yes: Yes = False,
) -> int:  # fmt: skip
    """Check that config and inventory are valid, and that every host is reached and fit for the job."""
    from moor.commands import fleet

    def confirm(question: str) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(question, err=True)

    return fleet.check(Options(site, limit, workers, output, quiet, verbose), confirm if accept_new_host_keys else None)


@app.command()
def plan(
    runbook: Which = "site", site: Site = None, limit: Limit = None, workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Say what would change; nothing is written anywhere."""
    from moor.commands import fleet

    return fleet.plan(Options(site, limit, workers, output, quiet, verbose), runbook)


@app.command()
def apply(
    runbook: Which = "site", site: Site = None, limit: Limit = None, workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Change what differs."""
    from moor.commands import fleet

    def run(options: Options, dry_run: bool) -> int:
        return fleet.plan(options, runbook) if dry_run else fleet.apply(options, runbook)

    return reviewed(run, Options(site, limit, workers, output, quiet, verbose), "apply", yes)


@app.command()
def verify(
    site: Site = None, limit: Limit = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:  # fmt: skip
    """Prove from every node: name, route, TLS, login, pull; and the workload itself."""
    from moor.commands import fleet

    return fleet.verify(Options(site, limit, workers, output, quiet, verbose))
