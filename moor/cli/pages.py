"""The commands that show history as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.words import Site, Verbose, app
from moor.options import Options

Days = Annotated[int, typer.Option("--days", min=1, max=36_500, help="how far back drift over time goes")]


@app.command()
def report(
    out: Annotated[Path | None, typer.Option("--out", help="the file; report.html in the site's state")] = None,
    days: Days = 90, site: Site = None, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Write one HTML file of the fleet: state, findings, expiries, drift over time; no host is asked."""
    from moor.commands import pages

    return pages.report(Options(site, verbose=verbose), out, days)


@app.command()
def serve(
    listen: Annotated[str, typer.Option("--listen", metavar="ADDRESS:PORT", help="where")] = "127.0.0.1:8080",
    days: Days = 90, site: Site = None, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Serve the same page live and read-only, on this machine alone unless told otherwise."""
    from moor.commands import pages

    return pages.serve(Options(site, verbose=verbose), listen, days)
