"""The words that every command understands, and the program that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Output
from moor.errors import InputError

app = typer.Typer(
    name="moor",
    help="Keep every host of a fleet moored to a private container registry.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},  # of every command below it too
)

Site = Annotated[Path | None, typer.Option("--site", help="directory with config.yaml; this one, or the shipped fleet")]
Limit = Annotated[str | None, typer.Option("--limit", help="hosts and groups, comma-separated; ! excludes")]
Workers = Annotated[int, typer.Option("--workers", min=0, max=1000, help="hosts at once; 0 is what config.yaml says")]
Shape = Annotated[Output, typer.Option("--output", help="what goes to standard output")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress on standard error")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="log to standard error, show tracebacks")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
Which = Annotated[str, typer.Argument(metavar="[RUNBOOK]", help="a runbook, or one concern of site such as trust")]
MendKinds = Annotated[list[str] | None, typer.Option("--apply", metavar="KIND", help="mend these kinds: file,service")]

MOST_S = 86_400  # seconds that a command may be told to wait


def mend_kinds_of(words: list[str] | None) -> tuple[str, ...]:
    """Return the kinds that ``--apply`` names, commas apart or one by one."""
    kinds = tuple(kind.strip() for word in words or () for kind in word.split(",") if kind.strip())
    if words and not kinds:
        raise InputError("--apply: it names no kind; write some, such as file,service, or leave it out")
    return kinds
