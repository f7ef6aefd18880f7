"""The words of a roll-out, checked, and what asks between two batches."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import cast, get_args

import typer
from nornir.core import Nornir

from moor.cli.commands.screen import asking
from moor.cli.rolling import RollingWords
from moor.output.hooks import hooks_of
from moor.programs.batches import amount_of, canary_of, refuse_faults, ticket_faults
from moor.run.rolling.roll_out import Answer, RollOut
from moor.run.runbook import Runbook

DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
SECONDS = {"s": 1, "m": 60, "h": 3600}
ASK = "ask"


def roll_out_of(nr: Nornir, runbook: Runbook, words: RollingWords) -> RollOut:
    """Return the roll-out that the words ask for.

    Args:
        nr: the hosts of the run.
        runbook: what runs on them.
        words: as typed.

    Raises:
        InputError: everything that is wrong in the words.
    """
    faults: list[str] = []
    batch, most = (
        amount_of("--batch", words.batch, 1, faults),
        amount_of("--max-failures", words.max_failures, 0, faults),
    )
    canary, pause_s = canary_of(nr, "--canary", words.canary, faults), _pause(words.pause, faults)
    faults += _contradictions(words)
    hooks = hooks_of(nr, words.ticket)
    faults += [*ticket_faults("--ticket", words.ticket), *(hooks.faults() if hooks else ())]
    made = RollOut(
        batch,
        canary,
        pause_s,
        go_on=_go_on if words.pause == ASK else None,
        max_failures=most,
        in_windows=not words.outside_window,
        hooks=hooks,
        ticket=words.ticket,
        ask_stage=_ask_stage if words.step else None,
    )
    refuse_faults(runbook, made, faults)
    return made


def _go_on(question: str) -> bool:
    with asking():
        return typer.confirm(f"{question}. Go on?", err=True)


def _pause(word: str, faults: list[str]) -> float:
    if word in ("", ASK):
        return 0
    found = DURATION.fullmatch(word)
    if not found:
        faults.append(f"--pause {word}: write seconds, minutes or hours such as 30s, 5m, 1h, or ask")
        return 0
    return int(found[1]) * SECONDS[found[2]]


def _ask_stage(stage: str) -> Answer:
    """Ask whether a stage is to run, until the answer is understood."""
    while True:
        with asking():
            said = typer.prompt(f"{stage}: change? yes, no, or stop", default="yes", err=True).strip().casefold()
        for answer in get_args(Answer):
            if said and answer.startswith(said):
                return cast("Answer", answer)


def _contradictions(words: RollingWords) -> Iterator[str]:
    if words.pause and not (words.batch or words.canary):
        yield "--pause: all hosts take their turn together; say --batch or --canary too"
    if words.step and not sys.stdin.isatty():
        yield "--step: nobody to ask, since standard input is no terminal"
    if words.pause == ASK and not sys.stdin.isatty():
        yield "--pause ask: nobody to ask, since standard input is no terminal; write a time such as 5m"
