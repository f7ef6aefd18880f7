"""The options of cert show, renew, request and install."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.confirmation import ChangingCommand, run_reviewed
from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import OF_RUNS, takes

cert_app = typer.Typer(help="Show the CA and the certificates that it signed, renew them, or bring your company's.")
app.add_typer(cert_app, name="cert")


class KeyKind(StrEnum):
    """The kinds of keys that a request can have: EC on P-256, or RSA of 3072 bits."""

    ec = "ec"
    rsa = "rsa"


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


@cert_app.command()
@takes("site", "verbose")
def request(
    options: Options,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", readable=False, help="write the request there; by default it is printed"),
    ] = None,
    key: Annotated[KeyKind | None, typer.Option("--key", help="ec on P-256, the default, or rsa of 3072 bits")] = None,
) -> int:
    """Make a private key, and a request for the registry's certificate that your company's CA signs.

    Until the certificate is installed, the same request is shown again. The key stays on this machine.
    """
    from moor.cli.commands import company_certificate as command

    return command.request(options, out, key.value if key else None)


@cert_app.command()
@takes("site", "workers", "quiet", "verbose")
def install(
    options: Options,
    chain: Annotated[Path, typer.Argument(metavar="CHAIN", help="what your CA sent: PEM, DER or PKCS#7, in any order")],
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="the CA that hosts shall trust, unless CHAIN has it or they do"),
    ] = None,
) -> int:
    """Check what your CA sent back as clients will, and install it; nothing is written if it has a fault.

    A new CA is first put beside the former one; the certificate is installed when every host trusts it.
    """
    from moor.cli.commands import company_certificate as command

    return command.install(options, chain, ca)
