"""The options of show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

What = Annotated[str, typer.Argument(metavar="HOST|FILE", help="a host of the inventory, or the file of a saved plan")]


@app.command()
@takes("site", "output", "verbose")
def show(options: Options, what: What) -> int:
    """Show a host's merged settings, each with file and line; or a saved plan."""
    if Path(what).is_file():
        from moor.cli.commands import plans

        return plans.show(Path(what), options.output)
    from moor.cli.commands import show_host

    return show_host.show(options, what)
