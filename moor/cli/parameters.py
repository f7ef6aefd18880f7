"""The Typer application, and the declarations of parameters that several commands have."""

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
    context_settings={"help_option_names": ["-h", "--help"]},  # for every command below it too
)

Site = Annotated[Path | None, typer.Option("--site", help="directory with config.yaml; by default this one")]
LIMIT = "hosts, groups, node[1-9], rack*, @failed, @drifted, KEY=VALUE, comma-separated; ! excludes"
Limit = Annotated[str | None, typer.Option("--limit", help=LIMIT)]
Workers = Annotated[
    int, typer.Option("--workers", min=0, max=1000, help="hosts at once; 0 for the number in config.yaml")
]
OutputShape = Annotated[Output, typer.Option("--output", help="the format of standard output")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress on standard error")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="log to standard error, show tracebacks")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
RunbookNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUNBOOK", help="runbooks, or concerns of site such as trust; moor list shows them; by default site"
    ),
]
RunbooksOrPlan = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUNBOOK|FILE", help="as for moor plan; or the file of a saved plan, such as plan.json"),
]
Watched = Annotated[
    str,
    typer.Option(
        "--runbook", metavar="RUNBOOK", help="runbooks or concerns, such as trust or trust,names; by default everything"
    ),
]
MendKinds = Annotated[
    list[str] | None, typer.Option("--apply", metavar="KIND", help="mend these kinds, such as file,service")
]

LONGEST_WATCH_S = 86_400  # seconds


def runbook_name(words: list[str] | None) -> str:
    """Return what the names of runbooks on a command line are called together; ``site`` if there is none."""
    if words and not all(word.strip() for word in words):
        raise InputError("the name of a runbook is empty; moor list shows all names")
    return " ".join(words or ("site",))


def watched_name(words: str) -> str:
    """Return what the runbooks of ``--runbook``, with commas between, are called together; empty for everything."""
    return " ".join(words.replace(",", " ").split())


def mend_kinds_of(words: list[str] | None) -> tuple[str, ...]:
    """Return the kinds named by ``--apply``, which may be repeated and hold commas."""
    kinds = tuple(kind.strip() for word in words or () for kind in word.split(",") if kind.strip())
    if words and not kinds:
        raise InputError("--apply: it names no kind; write some, such as file,service, or leave it out")
    return kinds


def plan_file(words: list[str] | None) -> Path | None:
    """Return the file of a saved plan that the words name; None for runbooks, whose names have no . and no /."""
    files = [word for word in words or () if _is_file_name(word)]
    if files and len(words or ()) > 1:
        raise InputError(f"{files[0]}: the file of a saved plan stands alone; it says what is applied")
    return Path(files[0]) if files else None


def refuse_like_runbook(path: Path) -> Path:
    """Return the file of a plan to save; raise InputError if moor apply would take its name for a runbook."""
    if not _is_file_name(typed := str(path)):
        raise InputError(f"--out {typed}: moor apply would take this for a runbook; write {typed}.json")
    return path


def _is_file_name(word: str) -> bool:
    return "/" in word or "." in word
