"""The commands about the fleet's members: hosts, hosts adopt, onboard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from moor.cli.common import taking
from moor.cli.options import Options
from moor.cli.words import Yes, app
from moor.errors import InputError

hosts_app = typer.Typer(help="Compare the inventory with the cluster's nodes; take new ones in.")
app.add_typer(hosts_app, name="hosts")
Nodes = Annotated[list[str], typer.Argument(metavar="NODE...", help="nodes of the cluster, by their names")]


@hosts_app.callback(invoke_without_command=True)
@taking("site", "limit", "output", "verbose")
def hosts(options: Options, context: typer.Context) -> int:
    """Compare the inventory with the cluster's nodes; take new ones in."""
    from moor.cli.commands import hosts as command

    if context.invoked_subcommand:
        return 0
    return command.hosts(options)


@hosts_app.command()
@taking("site", "verbose")
def adopt(options: Options, nodes: Nodes, yes: Yes = False) -> int:
    """Write nodes into hosts.yaml and pin their host keys, which are shown first."""
    from moor.cli.commands import hosts as command

    _refuse_nameless(nodes, "hosts adopt")
    return command.adopt(options, nodes, _confirmed(yes, "hosts adopt"))


@app.command()
@taking("site", "workers", "quiet", "verbose")
def onboard(options: Options, nodes: Nodes, yes: Yes = False) -> int:
    """Take nodes in, configure them, and prove by a pull that they work."""
    from moor.cli.commands import hosts as command

    _refuse_nameless(nodes, "onboard")
    return command.onboard(options, nodes, _confirmed(yes, "onboard"))


def _refuse_nameless(nodes: list[str], command: str) -> None:
    if not all(node.strip() for node in nodes):
        raise InputError(f"{command}: the name of a node is empty; moor hosts lists them")


def _confirmed(yes: bool, command: str) -> Callable[[str], bool]:
    """Return what asks on a terminal; where nobody can be asked, --yes has to be said."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise InputError(f"{command}: nobody to ask, since standard input is no terminal; say --yes")
        return typer.confirm(question, err=True)

    return confirm
