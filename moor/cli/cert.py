"""The commands about certificates: cert show, cert renew."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.reviewed import reviewed
from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Workers, Yes, app
from moor.options import Options, Output

cert_app = typer.Typer(help="Show the CA and the certificates that it signed, and renew them without an outage.")
app.add_typer(cert_app, name="cert")


@cert_app.command()
def show(
    site: Site = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False
) -> int:
    """Show every certificate and when it ends: on the controller, on the registry's host, and as it is served."""
    from moor.commands import cert as command

    return command.show(Options(site, None, workers, output, quiet, verbose))


@cert_app.command()
def renew(
    ca: Annotated[bool, typer.Option("--ca", help="the CA too; every host trusts the new one before it signs")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, and write nothing")] = False,
    site: Site = None, limit: Limit = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Renew the registry's certificate, or go on with a rotation of the CA that was stopped."""
    from moor.commands import cert as command

    options = Options(site, limit, workers, output, quiet, verbose)
    return reviewed(lambda shown, dry_run: command.renew(shown, ca, dry_run), options, "cert renew", yes, plan)
