"""Confirmation of commands that change hosts: the plan is shown, and applied if the user agrees."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import typer

from moor.cli.options import DIFFERS, Options, Output
from moor.errors import InputError


@dataclass(frozen=True)
class ChangingCommand:
    """A command that changes hosts.

    Attributes:
        name: the command as typed.
        run: runs it with the options; the second argument is True for a plan.
        refuse: raises InputError for faults of the arguments or the site, before any connection.
    """

    name: str
    run: Callable[[Options, bool], int]
    refuse: Callable[[Options], None]


def run_reviewed(command: ChangingCommand, options: Options, yes: bool, plan: bool = False) -> int:
    """Show the plan and apply it after confirmation; ``yes`` applies without, ``plan`` only shows it.

    Raises:
        InputError: there is no terminal to ask on; faults of the input come first.
    """
    from moor.output.grouping import each_diff_once

    if yes and not plan:
        return command.run(options, False)
    if not plan and not sys.stdin.isatty():
        command.refuse(options)
        raise InputError(f"{command.name}: nobody to ask, since standard input is no terminal; say --yes")
    with each_diff_once():
        planned = command.run(replace(options, output=options.output if plan else Output.text), True)
        if not plan and planned == DIFFERS and typer.confirm("Go on?", err=True):
            return command.run(options, False)
    return planned if plan or planned != DIFFERS else 0
