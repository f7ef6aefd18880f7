"""The options of bundle create, check and show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

bundle_app = typer.Typer(help="Carry what a fleet without internet needs: make, check and show a bundle.")
app.add_typer(bundle_app, name="bundle")
OF_BUNDLES = ("site", "output", "quiet", "verbose")
BY_DEFAULT = "by default data.bundle.file"


@bundle_app.command()
@takes(*OF_BUNDLES)
def create(
    options: Options,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help=f"a file that ends in .bundle or .tar, or a directory; {BY_DEFAULT}"),
    ] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="OLD", help="leave out what this older bundle has")
    ] = None,
    without: Annotated[
        str, typer.Option("--without", metavar="KINDS", help="leave out, of installer, image, packages, chart, moor")
    ] = "",
) -> int:
    """Collect what the inventory needs, on a machine with internet; one that was cut short goes on."""
    from moor.cli.commands import bundle as command

    return command.create(options, path, since, [word.strip() for word in without.split(",") if word.strip()])


@bundle_app.command()
@takes(*OF_BUNDLES)
def check(
    options: Options,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help=f"the bundle; those it was made since before it; {BY_DEFAULT}"),
    ] = None,
) -> int:
    """Verify every byte of a bundle, and print what it lacks of what the inventory needs: exit code 2 if it does."""
    from moor.cli.commands import bundle as command

    return command.check(options, paths or [])


@bundle_app.command()
@takes(*OF_BUNDLES)
def show(
    options: Options, path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help=BY_DEFAULT)] = None
) -> int:
    """Print what a bundle holds."""
    from moor.cli.commands import bundle as command

    return command.show(options, path)
