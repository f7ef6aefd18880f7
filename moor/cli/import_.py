"""The options of import."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.commands.import_options import ImportOptions
from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

Hosts = Annotated[
    list[str] | None, typer.Argument(metavar="[HOST...]", help="NAME or NAME=ADDRESS; without any, those of the site")
]


@app.command("import")
@takes("site", "limit", "workers", "output", "quiet", "verbose")
def import_(options: Options, hosts: Hosts = None, *, wanted: ImportOptions) -> int:
    """Look at a running fleet and its registry, and propose the inventory."""
    from moor.cli.commands import import_ as command

    return command.import_(options, tuple(hosts or ()), wanted)
