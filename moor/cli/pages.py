"""The options of report and serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

Days = Annotated[int, typer.Option("--days", min=1, max=36_500, help="how many days of drift to show")]


@app.command()
@takes("site", "verbose")
def report(
    options: Options,
    out: Annotated[
        Path | None,
        typer.Option("--out", readable=False, help="the file; by default report.html in the site's state"),
    ] = None,
    days: Days = 90,
) -> int:
    """Write an HTML page of the fleet; no host is contacted."""
    from moor.cli.commands import pages

    return pages.report(options, out, days)


@app.command()
@takes("site", "verbose")
def serve(
    options: Options,
    listen: Annotated[str, typer.Option("--listen", metavar="ADDRESS:PORT", help="where to listen")] = "127.0.0.1:8080",
    days: Days = 90,
) -> int:
    """Serve the page of moor report live and read-only.

    By default it is served to this machine only.
    """
    from moor.cli.commands import pages

    return pages.serve(options, listen, days)
