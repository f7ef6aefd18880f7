"""The command that says what has changed without a plan."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.common import OF_RUNS, taking
from moor.cli.options import Options
from moor.cli.words import MOST_S, MendKinds, app, mend_kinds_of


@app.command()
@taking(*OF_RUNS)
def drift(
    options: Options,
    apply: MendKinds = None,
    runbook: Annotated[str, typer.Option("--runbook", help="one alone, or one concern; everything")] = "",
    watch: Annotated[
        int, typer.Option("--watch", min=0, max=MOST_S, metavar="SECONDS", help="check again and again")
    ] = 0,
) -> int:
    """Return what has changed without a plan, and since when; recorded, and told to people."""
    from moor.cli.commands import drift as command

    wanted = command.DriftOptions(runbook, mend_kinds_of(apply), watch)
    return command.drift(options, wanted)
