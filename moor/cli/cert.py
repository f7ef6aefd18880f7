"""The commands about certificates: cert show, cert renew."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.common import OF_RUNS, taking
from moor.cli.options import Options
from moor.cli.reviewed import Changing, reviewed
from moor.cli.words import Yes, app

cert_app = typer.Typer(help="Show the CA and the certificates that it signed, and renew them without an outage.")
app.add_typer(cert_app, name="cert")


@cert_app.command()
@taking("site", "workers", "output", "quiet", "verbose")
def show(options: Options) -> int:
    """Show every certificate and when it ends: on the controller, on the registry's host, and as it is served."""
    from moor.cli.commands import cert as command

    return command.show(options)


@cert_app.command()
@taking(*OF_RUNS)
def renew(
    options: Options,
    ca: Annotated[bool, typer.Option("--ca", help="the CA too; every host trusts the new one before it signs")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Renew the registry's certificate, or go on with a rotation of the CA that was stopped."""
    from moor.cli.commands import cert as command

    renewal = Changing(
        "cert renew",
        lambda shown, dry_run: command.renew(shown, ca, dry_run),
        lambda shown: command.refuse(shown, ca),
    )
    return reviewed(renewal, options, yes, plan)
