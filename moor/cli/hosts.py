"""The options of hosts, hosts adopt and onboard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import Yes, app
from moor.cli.shared_options import takes
from moor.errors import InputError

hosts_app = typer.Typer(help="Compare the inventory with the cluster's nodes; add new ones.")
app.add_typer(hosts_app, name="hosts")
Nodes = Annotated[list[str], typer.Argument(metavar="NODE...", help="nodes of the cluster, by their names")]


@hosts_app.callback(invoke_without_command=True)
@takes("site", "limit", "output", "verbose")
def hosts(options: Options, context: typer.Context) -> int:
    """Compare the inventory with the cluster's nodes; add new ones."""
    from moor.cli.commands import hosts as command

    if context.invoked_subcommand:
        return 0
    return command.hosts(options)


@hosts_app.command()
@takes("site", "verbose")
def adopt(options: Options, nodes: Nodes, yes: Yes = False) -> int:
    """Add nodes to hosts.yaml and pin their host keys, which are shown first."""
    from moor.cli.commands import hosts as command

    _refuse_nameless(nodes, "hosts adopt")
    return command.adopt(options, nodes, _confirm_or_yes(yes, "hosts adopt"))


@app.command()
@takes("site", "workers", "quiet", "verbose")
def onboard(options: Options, nodes: Nodes, yes: Yes = False) -> int:
    """Add nodes, configure them, and prove by a pull that they work."""
    from moor.cli.commands import hosts as command

    _refuse_nameless(nodes, "onboard")
    return command.onboard(options, nodes, _confirm_or_yes(yes, "onboard"))


def _refuse_nameless(nodes: list[str], command: str) -> None:
    if not all(node.strip() for node in nodes):
        raise InputError(f"{command}: the name of a node is empty; moor hosts lists them")


def _confirm_or_yes(yes: bool, command: str) -> Callable[[str], bool]:
    """Return a function that asks for confirmation; without a terminal it raises InputError unless ``yes``."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise InputError(f"{command}: nobody to ask, since standard input is no terminal; say --yes")
        return typer.confirm(question, err=True)

    return confirm
