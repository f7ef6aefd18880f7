"""The options that commands share, declared once and handed over as one value.

A command says which of them it takes, and is given an ``Options``. A parameter that is a dataclass of declared fields,
such as ``Pods`` of diagnose, is spread in the same way: each field is an option of its own on the command line.

    @app.command()
    @taking(*OF_RUNS)
    def verify(options: Options) -> int: ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from moor.cli.options import Options
from moor.cli.words import Limit, Quiet, Shape, Site, Verbose, Workers

Command = Callable[..., int]  # its first parameter is the Options

# How each field of Options is typed on the command line.
DECLARED: Mapping[str, Any] = {
    "site": Site,
    "limit": Limit,
    "workers": Workers,
    "output": Shape,
    "quiet": Quiet,
    "verbose": Verbose,
}
OF_RUNS = tuple(DECLARED)  # what every command takes that works on the hosts of a fleet


def taking(*names: str) -> Callable[[Command], Command]:
    """Have the command line offer the common options ``names``, and hand them to the command as ``Options``.

    The command's first parameter is the ``Options``; fields that are not named keep their defaults.
    """

    def decorate(command: Command) -> Command:
        own = list(inspect.signature(command).parameters.values())[1:]
        hints = get_type_hints(command, include_extras=True)
        spread = {one.name: hints[one.name] for one in own if is_dataclass(hints[one.name])}

        @functools.wraps(command)
        def parsed(**typed: Any) -> int:
            options = Options(**{name: typed.pop(name) for name in names})
            values = {name: kind(**{f.name: typed.pop(f.name) for f in fields(kind)}) for name, kind in spread.items()}
            return command(options, **values, **typed)

        shown = [*(word for one in own for word in _words(one, hints[one.name])), *map(_common, names)]
        parsed.__signature__ = inspect.Signature(shown, return_annotation=int)  # type: ignore[attr-defined]
        parsed.__annotations__ = {word.name: word.annotation for word in shown}
        return parsed

    return decorate


def _words(parameter: inspect.Parameter, kind: Any) -> Iterator[inspect.Parameter]:
    """Yield what the command line shows of a parameter: itself, or each field of a dataclass."""
    if not is_dataclass(kind):
        yield inspect.Parameter(parameter.name, _KEYWORD, default=parameter.default, annotation=kind)
        return
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        yield inspect.Parameter(one.name, _KEYWORD, default=one.default, annotation=hints[one.name])


def _common(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, _KEYWORD, default=getattr(Options, name), annotation=DECLARED[name])


_KEYWORD = inspect.Parameter.KEYWORD_ONLY
