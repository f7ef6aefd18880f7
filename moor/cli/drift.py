"""The options of drift."""

from __future__ import annotations

from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import LONGEST_WATCH_S, MendKinds, Watched, app, mend_kinds_of, watched_name
from moor.cli.shared_options import OF_RUNS, takes


@app.command()
@takes(*OF_RUNS)
def drift(
    options: Options,
    apply: MendKinds = None,
    runbook: Watched = "",
    watch: Annotated[
        int, typer.Option("--watch", min=0, max=LONGEST_WATCH_S, metavar="SECONDS", help="check again and again")
    ] = 0,
) -> int:
    """Show what has changed without a plan, and since when.

    The run is recorded, and notices are sent.
    """
    from moor.cli.commands import drift as command

    wanted = command.DriftOptions(watched_name(runbook), mend_kinds_of(apply), watch)
    return command.drift(options, wanted)
