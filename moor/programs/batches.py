"""How an apply goes over its hosts, in the words of a program, and of the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from nornir.core import Nornir

from moor.context import site_of
from moor.errors import InputError
from moor.history.earlier_hosts import earlier_hosts
from moor.output.hooks import hooks_of
from moor.run.host_words import HostWords, split_words
from moor.run.rolling.amount import Amount, read_amount
from moor.run.rolling.roll_out import RollOut, refuse_no_roll_out
from moor.run.runbook import Runbook

COUNT = re.compile(r"[0-9]+%?")
TICKET = re.compile(r"[A-Za-z0-9#][A-Za-z0-9._#/:-]{0,63}")


@dataclass(frozen=True)
class Batches:
    """How an apply goes over its hosts; by default all of them together.

    Attributes:
        batch: how many hosts at once: ``5``, ``"10%"``.
        canary: how many hosts come first, or which, in the words of ``--limit``.
        pause_s: the pause between two batches.
        max_failures: how many hosts may fail, ``2`` or ``"5%"``; without it the first failure stops the run.
        outside_window: whether hosts outside of their maintenance windows are changed all the same.
        go_on: is asked between two batches whether to go on; None to go on without.
    """

    batch: int | str = ""
    canary: int | str = ""
    pause_s: float = 0
    max_failures: int | str = ""
    outside_window: bool = False
    go_on: Callable[[str], bool] | None = None

    def roll_out(self, nr: Nornir, runbook: Runbook, ticket: str) -> RollOut:
        """Return the roll-out that is meant.

        Raises:
            InputError: everything that is wrong in it.
        """
        faults: list[str] = []
        hooks = hooks_of(nr, ticket)
        made = RollOut(
            amount_of("batch", str(self.batch), 1, faults),
            canary_of(nr, "canary", str(self.canary), faults),
            self.pause_s,
            go_on=self.go_on,
            max_failures=amount_of("max_failures", str(self.max_failures), 0, faults),
            in_windows=not self.outside_window,
            hooks=hooks,
            ticket=ticket,
        )
        if self.pause_s < 0:
            faults.append(f"pause_s {self.pause_s}: write seconds, 0 or more")
        if made.waits and not made.has_waves:
            faults.append("pause_s, go_on: all hosts take their turn together; write batch or canary too")
        faults += [*ticket_faults("ticket", ticket), *(hooks.faults() if hooks else ())]
        refuse_faults(runbook, made, faults)
        return made


TOGETHER = Batches()


def amount_of(option: str, word: str, least: int, faults: list[str]) -> Amount | None:
    """Return how many hosts a word means, None if it is empty; what is wrong with it is added to ``faults``."""
    try:
        return read_amount(option, word, least) if word else None
    except InputError as error:
        faults.append(str(error))
        return None


def canary_of(nr: Nornir, option: str, word: str, faults: list[str]) -> Amount | frozenset[str] | None:
    """Return how many hosts are canaries, or which: a whole number counts them, also where a host is called so."""
    if COUNT.fullmatch(word):
        return amount_of(option, word, 1, faults)
    if not word:
        return None
    try:
        known = HostWords(nr.inventory.hosts, nr.inventory.groups, partial(earlier_hosts, site_of(nr), option), option)
        found = known.chosen(split_words(word))
    except InputError as error:
        faults.append(str(error))
        return None
    if not found:
        faults.append(f"{option} {word}: it names no host of this run")
    return found


def ticket_faults(option: str, word: str) -> Iterator[str]:
    """Yield why a word is no ticket."""
    if word and not TICKET.fullmatch(word):
        yield f"{option} {word}: write one word of at most 64 letters, digits and . _ # / : -"


def refuse_faults(runbook: Runbook, made: RollOut, faults: list[str]) -> None:
    """Raise InputError with all faults, if there are some, or if the runbook cannot go in batches."""
    try:
        refuse_no_roll_out(runbook, made)
    except InputError as error:
        faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))
