"""The options that several commands share, declared once and passed as one ``Options``.

The decorator ``takes`` names those that a command has. A parameter that is a dataclass, such as ``PodSelection`` of
diagnose, is spread in the same way: each of its fields is an option on the command line.

    @app.command()
    @takes(*OF_RUNS)
    def verify(options: Options) -> int: ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from moor.cli.options import Options
from moor.cli.parameters import Limit, OutputShape, Quiet, Site, Verbose, Workers

Command = Callable[..., int]  # its first parameter is an Options

# The command line's declaration of each field of Options.
DECLARED: Mapping[str, Any] = {
    "site": Site,
    "limit": Limit,
    "workers": Workers,
    "output": OutputShape,
    "quiet": Quiet,
    "verbose": Verbose,
}
OF_RUNS = tuple(DECLARED)  # the options of every command that works on hosts


def takes(*names: str) -> Callable[[Command], Command]:
    """Add the shared options ``names`` to a command, which receives them as ``Options`` in its first parameter.

    Fields that are not named keep their defaults.
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
    """Yield the command line's parameters for a command's parameter: itself, or each field of a dataclass."""
    if not is_dataclass(kind):
        yield inspect.Parameter(parameter.name, _KEYWORD, default=parameter.default, annotation=kind)
        return
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        yield inspect.Parameter(one.name, _KEYWORD, default=one.default, annotation=hints[one.name])


def _common(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, _KEYWORD, default=getattr(Options, name), annotation=DECLARED[name])


_KEYWORD = inspect.Parameter.KEYWORD_ONLY
