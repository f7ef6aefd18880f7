"""The options of a roll-out: how many hosts at once, and when to wait or stop."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Annotated

import typer

from moor.cli.options import Options

BATCH = "so many hosts at once, such as 3 or 10%, one batch after the other"
CANARY = "so many hosts before all others, or their names as in --limit"
PAUSE = "wait between batches, such as 5m; ask waits for your word"
OUTSIDE_WINDOW = "change hosts outside of their maintenance windows too"
TICKET = "a word, such as CHG-1234, kept in history and given to hooks"
STEP = "ask before each stage that would change something"
MAX_FAILURES = "so many hosts may fail, such as 2 or 5%; one more stops the run"


@dataclass(frozen=True)
class RollingWords:
    """The words by which a run goes over its hosts, as typed; empty if they were not."""

    batch: Annotated[str, typer.Option("--batch", metavar="N|N%", help=BATCH)] = ""
    canary: Annotated[str, typer.Option("--canary", metavar="N|HOSTS", help=CANARY)] = ""
    pause: Annotated[str, typer.Option("--pause", metavar="TIME|ask", help=PAUSE)] = ""
    max_failures: Annotated[str, typer.Option("--max-failures", metavar="N|N%", help=MAX_FAILURES)] = ""
    outside_window: Annotated[bool, typer.Option("--outside-window", help=OUTSIDE_WINDOW)] = False
    ticket: Annotated[str, typer.Option("--ticket", metavar="WORD", help=TICKET)] = ""
    step: Annotated[bool, typer.Option("--step", help=STEP)] = False

    def typed(self) -> Iterator[str]:
        """Yield the options and their values as they are typed."""
        for field in fields(self):
            if value := getattr(self, field.name):
                option = f"--{field.name.replace('_', '-')}"
                yield from (option,) if value is True else (option, value)


AS_WRITTEN = RollingWords()


def command_line(command: str, runbook: str, options: Options, words: Iterable[str]) -> str:
    """Return the command line that does the same again; ``words`` are its further options."""
    parts = ["moor", command, *(runbook.split() if runbook != "site" else [])]
    parts += ["--site", str(options.site)] if options.site else []
    parts += ["--limit", options.limit] if options.limit is not None else []
    return shlex.join([*parts, *words])
