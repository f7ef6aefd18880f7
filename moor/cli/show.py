"""The options of show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

What = Annotated[str, typer.Argument(metavar="FILE", help="the file of a saved plan")]


@app.command()
@takes("site", "output", "verbose")
def show(
    options: Options, what: Annotated[str, typer.Argument(metavar="FILE", help="the file of a saved plan")]
) -> int:
    """Print a saved plan."""
    from moor.cli.commands import plans

    return plans.show(Path(what), options.output)
