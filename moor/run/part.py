"""A part of a runbook: the resources of ``--only`` and ``--skip``, from the stage of ``--start-at`` on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from nornir.core import Nornir

from moor.choice import Choice, is_named, kind_of
from moor.context import change_context
from moor.errors import InputError
from moor.run.foresight import resources_ahead
from moor.run.runbook import Runbook, Stage
from moor.run.selection import concern_of_stage
from moor.suggestions import did_you_mean

SHOWN = 40  # ids or kinds in an error


@dataclass(frozen=True)
class Part:
    """The part of a runbook that a command line asks for; by default the whole.

    Attributes:
        only: kinds or ids of the resources to change.
        skip: kinds or ids of those to leave as they are.
        start_at: the stage, or concern, before which nothing runs; empty for the first.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    start_at: str = ""

    def typed(self) -> Iterator[str]:
        """Yield the options as they are typed."""
        for option, words in (("--only", self.only), ("--skip", self.skip)):
            yield from (option, ",".join(words)) if words else ()
        yield from ("--start-at", self.start_at) if self.start_at else ()

    def __str__(self) -> str:
        """Return the options as a shell reads them."""
        return shlex.join(self.typed())


WHOLE = Part()


def take_part(nr: Nornir, runbook: Runbook, part: Part) -> Runbook:
    """Return the stages of a part of a runbook, and have the run leave out what it leaves out.

    Its name says which part it is, in history too.

    Args:
        nr: the hosts of the run; their run context is changed.
        runbook: the whole.
        part: what is asked for.

    Raises:
        InputError: everything that names nothing.
    """
    book = replace(runbook, stages=_stages_from(runbook, part.start_at)) if part.start_at else runbook
    refuse_unmatched_words(nr, book, part)
    change_context(nr, choice=Choice(part.only, part.skip))
    return replace(book, name=f"{book.name} {part}".rstrip())


def _stages_from(runbook: Runbook, name: str) -> tuple[Stage, ...]:
    names = [(stage.name, concern_of_stage(stage)) for stage in runbook.stages]
    at = next((at for at, both in enumerate(names) if name in both), None)
    if at is None:
        known = list(dict.fromkeys(stage for stage, _ in names))
        hint = f"{did_you_mean(name, [word for both in names for word in both])} (it has: {', '.join(known)})"
        raise InputError(f"--start-at {name}: {runbook.name} has no such stage{hint}")
    return runbook.stages[at:]


def refuse_unmatched_words(nr: Nornir, runbook: Runbook, part: Part) -> None:
    """Raise InputError for words of ``--only`` and ``--skip`` that name no resource, and if they leave none."""
    if not (part.only or part.skip):
        return
    hosts = nr.inventory.hosts.values()
    known = dict.fromkeys(one.id for host in hosts for one in resources_ahead(host, runbook.stages))
    lines = [
        f"{option} {word}: {_no_resource(word, list(known))}"
        for option, words in (("--only", part.only), ("--skip", part.skip))
        for word in words
        if not any(is_named(resource, (word,)) for resource in known)
    ]
    choice = Choice(part.only, part.skip)
    if not lines and not any(choice.allows(resource) for resource in known):
        lines = [f"{part}: no resource is left"]
    if lines:
        raise InputError("\n".join(lines))


def _no_resource(word: str, known: Sequence[str]) -> str:
    kinds = sorted(set(map(kind_of, known)))
    kind = kind_of(word)
    if ":" in word and kind in kinds:
        names = sorted(one for one in known if fnmatchcase(kind_of(one), kind))
        shown = f" (there are: {', '.join(names)})" if len(names) <= SHOWN else ""
        return f"no resource of these hosts is called so{did_you_mean(word, names)}{shown}"
    return f"no resource is of kind {kind}{did_you_mean(kind, kinds)} (there are: {', '.join(kinds)})"
