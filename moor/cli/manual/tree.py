"""Every command with its words, options and explanations, as Typer's declarations have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from typer.main import get_command

from moor import cli
from moor.cli import plugins
from moor.cli.program import first_paragraph

FILES, FOLDERS = "files", "folders"  # what a shell completes by itself
# What ``moor --complete`` lists, by the option or by what an argument is called.
KINDS = {
    **{"--limit": "limit", "--runbook": "names", "RUNBOOK": "names", "RUN": "runs", "--host": "hosts", "HOST": "hosts"},
    **{"NODE": "hosts", "HOST|FILE": "hosts+files", "RUNBOOK|FILE": "names+files", "--canary": "limit"},
    "NODE|GROUP": "limit",
    **{"CONCERN": "names"},
}


@dataclass(frozen=True)
class Word:
    """An option or argument.

    Attributes:
        spellings: of an option, such as ``-v`` and ``--verbose``; of an argument what it is called
        value: what stands behind the option; empty for a flag
        about: what it means
        kind: what a shell offers as its value: a key of ``moor --complete``, ``files``, ``folders``, with ``+`` between
        choices: all possible values, where they are few
        is_option: whether it begins with a hyphen
        is_many: whether it may be repeated
    """

    spellings: tuple[str, ...]
    value: str
    about: str
    kind: str = ""
    choices: tuple[str, ...] = ()
    is_option: bool = True
    is_many: bool = False


@dataclass(frozen=True)
class Described:
    """A command.

    Attributes:
        path: as it is typed, such as ``moor cert show``
        about: its help, in paragraphs
        words: its options and arguments
        below: its subcommands
        runs: whether it does something without a subcommand
    """

    path: str
    about: tuple[str, ...]
    words: tuple[Word, ...] = ()
    below: tuple[Described, ...] = ()
    runs: bool = True

    @property
    def name(self) -> str:
        """Return its last word."""
        return self.path.rpartition(" ")[2]

    @property
    def line(self) -> str:
        """Return its help's first paragraph."""
        return self.about[0] if self.about else ""

    @property
    def options(self) -> tuple[Word, ...]:
        """Return its options."""
        return tuple(word for word in self.words if word.is_option)

    @property
    def arguments(self) -> tuple[Word, ...]:
        """Return its arguments."""
        return tuple(word for word in self.words if not word.is_option)

    def everything(self) -> Iterator[Described]:
        """Yield the command and all below it."""
        yield self
        for one in self.below:
            yield from one.everything()


HELP = Word(("-h", "--help"), "", "explain the command")


def describe() -> Described:
    """Return the whole command line, with the commands of other packages."""
    app = cli.every_command()
    for word in plugins.help_of_others():
        plugins.add_called(app, word)
    return _described(get_command(app), "moor", {word: number for number, word in enumerate(cli.COMMANDS)})


def _described(command: Any, path: str, order: Mapping[str, int]) -> Described:
    found: dict[str, Any] = getattr(command, "commands", {})
    below = sorted(found.items(), key=lambda pair: order.get(pair[0], len(order)))
    context = command.make_context(path, [], resilient_parsing=True)
    shown = [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]
    words = (*(_word(one, context) for one in shown), HELP)
    about = tuple(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    runs = not found or bool(getattr(command, "invoke_without_command", False))
    return Described(path, about, words, tuple(_described(one, f"{path} {name}", {}) for name, one in below), runs)


def _word(parameter: Any, context: Any) -> Word:
    kind, typed = _annotation(parameter), (parameter.metavar or "").strip("[].")
    is_option = parameter.param_type_name == "option"
    spellings = tuple(parameter.opts) if is_option else (typed or parameter.name.upper(),)
    choices = tuple(str(one.value) for one in kind) if isinstance(kind, type) and issubclass(kind, Enum) else ()
    known = next((KINDS[name] for name in (*spellings, typed) if name in KINDS), "")
    offered = known or ((FOLDERS if "--site" in spellings else FILES) if kind is Path or typed == "FILE" else "")
    takes = is_option and not getattr(parameter, "is_flag", False)
    value = (typed or _called(kind, choices)) if takes else ""
    meaning = (parameter.get_help_record(context) or ("", ""))[1]
    return Word(spellings, value, _plain(meaning), offered, choices, is_option, parameter.nargs == -1)


def _annotation(parameter: Any) -> Any:
    """Return the type of a parameter, of lists and optional ones the inner type."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    while inner := [one for one in get_args(kind) if one is not type(None)]:
        kind = inner[0]
    return kind


def _called(kind: Any, choices: tuple[str, ...]) -> str:
    return "|".join(choices) or {Path: "PATH", int: "N", float: "N"}.get(kind, "TEXT")


def _plain(meaning: str) -> str:
    """Return what an option means in one line, without bounds; a default stays."""
    text = first_paragraph(meaning)
    default = re.search(r"\s*\[(default: [^;\]]*)[^\[\]]*\]$", text)
    if default:
        return f"{text[: default.start()]} [{default[1]}]"
    return re.sub(r"\s+\[[-\d<=x]+\]$", "", text)
