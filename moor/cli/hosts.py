"""The commands about the fleet's members: hosts, hosts adopt, onboard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Workers, Yes, app
from moor.errors import InputError
from moor.options import Options, Output

hosts_app = typer.Typer(help="Compare the inventory with the cluster's nodes; take new ones in.")
app.add_typer(hosts_app, name="hosts")
Nodes = Annotated[list[str], typer.Argument(metavar="NODE...", help="nodes of the cluster, by their names")]


@hosts_app.callback(invoke_without_command=True)
def hosts(
    context: typer.Context,
    site: Site = None,
    limit: Limit = None,
    output: Shape = Output.text,
    verbose: Verbose = False,
) -> int:
    """Compare the inventory with the cluster's nodes; take new ones in."""
    from moor.commands import hosts as command

    if context.invoked_subcommand:
        return 0
    return command.hosts(Options(site, limit, output=output, verbose=verbose))


@hosts_app.command()
def adopt(nodes: Nodes, site: Site = None, verbose: Verbose = False, yes: Yes = False) -> int:
    """Write nodes into hosts.yaml and pin their host keys, which are shown first."""
    from moor.commands import hosts as command

    _refuse_nameless(nodes, "hosts adopt")
    return command.adopt(Options(site, verbose=verbose), nodes, _confirmed(yes, "hosts adopt"))


@app.command()
def onboard(
    nodes: Nodes, site: Site = None, workers: Workers = 0, quiet: Quiet = False, verbose: Verbose = False,
    yes: Yes = False,
) -> int:  # fmt: skip
    """Take nodes in, configure them, and prove by a pull that they work."""
    from moor.commands import hosts as command

    _refuse_nameless(nodes, "onboard")
    options = Options(site, None, workers, Output.text, quiet, verbose)
    return command.onboard(options, nodes, _confirmed(yes, "onboard"))


def _refuse_nameless(nodes: list[str], command: str) -> None:
    if not all(node.strip() for node in nodes):
        raise InputError(f"{command}: the name of a node is empty; moor hosts lists them")


def _confirmed(yes: bool, command: str) -> Callable[[str], bool]:
    """Give what asks on a terminal; where nobody can be asked, --yes has to be said."""

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise InputError(f"{command}: nobody to ask, since standard input is no terminal; say --yes")
        return typer.confirm(question, err=True)

    return confirm
