"""The options of device history, device diff and device show."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes

device_app = typer.Typer(help="Show what network devices held, and who changed it; no device is contacted.")
app.add_typer(device_app, name="device")

Device = Annotated[str, typer.Argument(metavar="HOST", help="the device, as the inventory calls it")]


@device_app.command()
@takes("site", "output", "verbose")
def history(
    options: Options,
    host: Annotated[str, typer.Argument(metavar="[HOST]", help="the device; without one, all are listed")] = "",
) -> int:
    """Show when a device's configuration changed, by how many lines, and by whom; without a device, list all."""
    from moor.cli.commands import device as command

    return command.history(options, host)


@device_app.command()
@takes("site", "output", "verbose")
def diff(
    options: Options,
    host: Device,
    old: Annotated[int, typer.Argument(metavar="[A]", help="a version; by default the one before B")] = 0,
    new: Annotated[int, typer.Argument(metavar="[B]", help="another version; by default the last")] = 0,
) -> int:
    """Show how a device's configuration changed from version A to B; by default, the last change."""
    from moor.cli.commands import device as command

    return command.diff(options, host, old, new)


@device_app.command()
@takes("site", "output", "verbose")
def show(
    options: Options,
    host: Device,
    version: Annotated[int, typer.Argument(metavar="[VERSION]", help="by default the last")] = 0,
) -> int:
    """Show a device's configuration as it was kept, its secrets struck out."""
    from moor.cli.commands import device as command

    return command.show(options, host, version)
