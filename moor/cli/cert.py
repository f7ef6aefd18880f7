"""The options of cert show and cert renew."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import OF_RUNS, takes

cert_app = typer.Typer(help="Show the CA and the certificates that it signed, and renew them without an outage.")
app.add_typer(cert_app, name="cert")


@cert_app.command()
@takes("site", "workers", "output", "quiet", "verbose")
def show(options: Options) -> int:
    """Show every certificate and when it ends: on the controller, on the registry's host, and as served."""
    from moor.cli.commands import cert as command

    return command.show(options)


@cert_app.command()
@takes(*OF_RUNS)
def renew(
    options: Options,
    ca: Annotated[bool, typer.Option("--ca", help="the CA too; every host trusts the new one before it signs")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="show what would be done, and write nothing")] = False,
    yes: Yes = False,
) -> int:
    """Renew the registry's certificate, or continue an interrupted rotation of the CA."""
    from moor.cli.commands import cert as command

    renewal = ChangingCommand(
        "cert renew",
        lambda shown, dry_run: command.renew(shown, ca, dry_run),
        lambda shown: command.refuse(shown, ca),
    )
    return run_reviewed(renewal, options, yes, plan)
