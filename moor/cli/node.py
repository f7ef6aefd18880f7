"""The options of node config."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

node_app = typer.Typer(help="Print what a new machine needs at its first boot.")
app.add_typer(node_app, name="node")


class Format(StrEnum):
    """The formats in which machines are told what to do at their first boot."""

    cloud_init = "cloud-init"
    ignition = "ignition"
    talos = "talos"
    k3s = "k3s"
    script = "script"


@dataclass(frozen=True)
class Wishes:
    """How the text is made, and where it goes."""

    like: Annotated[
        str | None,
        typer.Option("--like", metavar="HOST", help="a host of the same image, whose files are read and edited"),
    ] = None
    with_secrets: Annotated[
        bool,
        typer.Option("--with-secrets", help="also the private SSH host key, which is pinned, and logins of proxies"),
    ] = False
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", readable=False, help="write it there; by default it is printed"),
    ] = None


@node_app.callback()
def node() -> None:
    """Print what a new machine needs at its first boot."""


@node_app.command()
@takes("site", "verbose")
def config(
    options: Options,
    what: Annotated[str, typer.Argument(metavar="NODE|GROUP", help="a host, or a group of hosts that are yet to come")],
    wishes: Wishes,
    form: Annotated[Format, typer.Option("--format", help="what reads it at the first boot")],
) -> int:
    """Print what a machine needs at its first boot to be as an apply would make it.

    It is made from the inventory: CA, runtime, names, account. The same inventory prints the same text.
    """
    from moor.cli.commands import node as command

    order = command.Order(what, form.value, wishes.like, wishes.with_secrets, wishes.out)
    return command.config(options, order)
