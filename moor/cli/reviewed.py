"""What changes hosts is planned first, shown, and done once somebody agrees."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import typer

from moor.cli.options import DIFFERS, Options, Output
from moor.errors import InputError


@dataclass(frozen=True)
class Changing:
    """A command that changes hosts.

    Attributes:
        name: as it is typed.
        run: is given the options, and whether to write nothing.
        refuse: raises InputError with what is wrong in the words or in the site, before anything is reached.
    """

    name: str
    run: Callable[[Options, bool], int]
    refuse: Callable[[Options], None]


def reviewed(command: Changing, options: Options, yes: bool, plan: bool = False) -> int:
    """Run with the plan shown and agreed to before, unless ``yes`` says so already; ``plan`` only shows it.

    Raises:
        InputError: nobody can be asked; what is wrong otherwise is told first.
    """
    if yes and not plan:
        return command.run(options, False)
    if not plan and not sys.stdin.isatty():
        command.refuse(options)
        raise InputError(f"{command.name}: nobody to ask, since standard input is no terminal; say --yes")
    planned = command.run(replace(options, output=options.output if plan else Output.text), True)
    if not plan and planned == DIFFERS and typer.confirm("Go on?", err=True):
        return command.run(options, False)
    return planned if plan or planned != DIFFERS else 0
