"""The commands that show history as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.common import taking
from moor.cli.options import Options
from moor.cli.words import app

Days = Annotated[int, typer.Option("--days", min=1, max=36_500, help="how far back drift over time goes")]


@app.command()
@taking("site", "verbose")
def report(
    options: Options,
    out: Annotated[Path | None, typer.Option("--out", help="the file; report.html in the site's state")] = None,
    days: Days = 90,
) -> int:
    """Write one HTML file of the fleet: state, findings, expiries, drift over time; no host is asked."""
    from moor.cli.commands import pages

    return pages.report(options, out, days)


@app.command()
@taking("site", "verbose")
def serve(
    options: Options,
    listen: Annotated[str, typer.Option("--listen", metavar="ADDRESS:PORT", help="where")] = "127.0.0.1:8080",
    days: Days = 90,
) -> int:
    """Serve the same page live and read-only, on this machine alone unless told otherwise."""
    from moor.cli.commands import pages

    return pages.serve(options, listen, days)
