"""The options of list."""

from __future__ import annotations

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes


@app.command("list")
@takes("site", "output", "verbose")
def show_list(options: Options) -> int:
    """Show runbooks and concerns, which plan, apply and drift take by name."""
    from moor.cli.commands import listing as command

    return command.show_list(options)
