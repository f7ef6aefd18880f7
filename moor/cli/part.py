"""The options that choose a part of a runbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from moor.errors import InputError

if TYPE_CHECKING:
    from moor.run.part import Part

ONLY = "change these alone: kinds such as file, or ids such as file:/etc/hosts; comma-separated, * matches"
SKIP = "leave these as they are; as for --only"
START_AT = "leave out the stages before this one, or before this concern"


@dataclass(frozen=True)
class PartWords:
    """The words by which a command takes a part of a runbook, as typed."""

    only: Annotated[list[str] | None, typer.Option("--only", metavar="KIND|ID", help=ONLY)] = None
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="KIND|ID", help=SKIP)] = None
    start_at: Annotated[str | None, typer.Option("--start-at", metavar="STAGE", help=START_AT)] = None

    def part(self) -> Part:
        """Return the part; raise InputError for an option that names nothing, such as an empty variable of a script."""
        from moor.run.part import Part

        if self.start_at is not None and not self.start_at.strip():
            raise InputError("--start-at: it names no stage; leave it out for all")
        return Part(_words("--only", self.only), _words("--skip", self.skip), (self.start_at or "").strip())


def _words(option: str, typed: list[str] | None) -> tuple[str, ...]:
    words = tuple(word.strip() for one in typed or () for word in one.split(",") if word.strip())
    if typed and not words:
        raise InputError(f"{option}: it names nothing; write kinds or ids, or leave it out")
    return words
