"""What changes hosts is planned first, shown, and done once somebody agrees."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import typer

from moor.errors import InputError
from moor.options import DIFFERS, Options, Output

Run = Callable[[Options, bool], int]


def reviewed(run: Run, options: Options, command: str, yes: bool, plan: bool = False) -> int:
    """Run with the plan shown and agreed to before, unless ``yes`` says so already; ``plan`` only shows it.

    run     is given the options, and whether to write nothing
    Raises  InputError: nobody can be asked.
    """
    if yes and not plan:
        return run(options, False)
    if not plan and not sys.stdin.isatty():
        raise InputError(f"{command}: nobody to ask, since standard input is no terminal; say --yes")
    planned = run(replace(options, output=options.output if plan else Output.text), True)
    if not plan and planned == DIFFERS and typer.confirm("Go on?", err=True):
        return run(options, False)
    return planned if plan or planned != DIFFERS else 0
