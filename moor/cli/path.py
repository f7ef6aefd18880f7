"""The options of path."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

Hosts = Annotated[
    list[str], typer.Argument(metavar="HOST", help="hosts that pull, by the words of --limit, such as node1 or nodes")
]


@app.command()
@takes("site", "workers", "output", "quiet", "verbose")
def path(options: Options, hosts: Hosts) -> int:
    """Show hop by hop whether hosts reach the registry, now and after the plan; nothing is changed.

    Routes, the access lists of devices and the firewalls of hosts are read, each with the line that decides.
    """
    from moor.cli.commands import path as command

    return command.path(options, hosts)
