"""The command that says why pods do not start."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.words import MOST_S, Limit, Quiet, Shape, Site, Verbose, Workers, app
from moor.errors import InputError
from moor.options import Options, Output


@app.command()
def diagnose(
    deployment: Annotated[str, typer.Argument(metavar="[NAME]", help="a workload, or an owner of pods")] = "",
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="of the pods; those of the inventory")] = "",
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="pods of all namespaces")] = False,
    event: Annotated[str | None, typer.Option("--event", help="explain this message, and ask nobody")] = None,
    pull: Annotated[bool, typer.Option("--pull", help="pull the image on every node, and remove it again")] = False,
    watch: Annotated[
        int, typer.Option("--watch", min=0, max=MOST_S, metavar="SECONDS", help="look again until it is well")
    ] = 0,
    site: Site = None, limit: Limit = None, workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:  # fmt: skip
    """Say why pods do not start: per node the layer, the cause and what mends it."""
    from moor.commands import diagnose as command

    if namespace and everywhere:
        raise InputError("diagnose: --namespace and --all-namespaces exclude each other; say one of them")
    if event is not None:
        if not event.strip():
            raise InputError("diagnose: --event: no message is there; quote one, or leave it out to look at the nodes")
        return command.explain(event, site, output)
    namespaces = ("*",) if everywhere else (namespace,) if namespace else ()
    wanted = command.Wanted(namespaces, deployment, pull, watch)
    return command.diagnose(Options(site, limit, workers, output, quiet, verbose), wanted)
