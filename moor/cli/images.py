"""The options of images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes
from moor.errors import InputError

NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class ImageSelection:
    """The images to examine and to print."""

    namespace: Annotated[str, typer.Option("-n", "--namespace", help="examine the images of this namespace alone")] = ""
    faults: Annotated[bool, typer.Option("--faults", help="print only images with a fault")] = False


@app.command()
@takes("site", "output", "quiet", "verbose")
def images(options: Options, selection: ImageSelection) -> int:
    """Show every image that the cluster names: is it still there, and can its pods pull it?"""
    from moor.cli.commands import images as command

    if selection.namespace and not NAMESPACE.fullmatch(selection.namespace):
        raise InputError(
            f"images: --namespace: {selection.namespace!r} is no name of a namespace; write one such as demo"
        )
    return command.images(options, selection.namespace, only_faults=selection.faults)
