"""The options of hold and release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import OF_RUNS, takes
from moor.errors import InputError

What = Annotated[str, typer.Argument(metavar="HOST|ID", help="hosts, as --limit takes them, or an id such as file:*")]


@dataclass(frozen=True)
class HoldWords:
    """What is held, until when, and why."""

    what: What = ""
    until: Annotated[
        str, typer.Option("--until", metavar="DAY", help="the last day, such as 2026-12-31, or 3d for three days")
    ] = ""
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="why, for everybody who looks")] = ""
    show: Annotated[bool, typer.Option("--list", help="show what is held; nothing is changed")] = False


@app.command()
@takes(*OF_RUNS)
def hold(options: Options, words: HoldWords) -> int:
    """Keep moor off a host, or off one thing on it, until a day; without a host, show what is held."""
    from moor.cli.commands import hold as action

    if words.show or not words.what:
        if words.until or words.reason:
            raise InputError("hold: name what is held: moor hold node3 --until 3d --reason 'new disk'")
        return action.show(options, words.what)
    if not words.until.strip() or not words.reason.strip():
        raise InputError(
            f"hold: say until when, and why: moor hold {words.what} --until 3d --reason 'new disk'; --list shows holds"
        )
    return action.hold(options, words.what, words.until.strip(), " ".join(words.reason.split()))


@app.command()
@takes(*OF_RUNS)
def release(
    options: Options,
    what: Annotated[str, typer.Argument(metavar="HOST|ID", help="hosts, as --limit takes them, or the id of a hold")],
) -> int:
    """End holds: let moor work on a host, or on one thing on it, again."""
    from moor.cli.commands import hold as action

    return action.release(options, what)
