"""docs/commands.md: every command with its arguments, options and exit codes, as the command line declares them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from typer.main import get_command

from moor.cli import every_command
from moor.cli.overview import GROUPS, OTHERS
from moor.errors import InputError
from moor_docs.docstrings import DOCS
from moor_docs.layout import cell, wrapped
from moor_lab.cli import app as lab_app

VALUES = {"<str>": "TEXT", "<path>": "PATH", "<int range>": "N", "<int>": "N", "<float>": "N"}
SHARED_BY = 8  # an option that so many commands have is told once
HEAD = """# Commands

Every command of `moor` with its arguments, options and exit codes. `moor COMMAND --help` prints the same for one, and
[Output](output.md) explains what commands print. Options stand behind the command. Ctrl-C ends any command with exit
code 130.

This page is made from the code by `make reference`.

## Options of many commands

"""
ROW = re.compile(r"^\| (`moor [a-z].*?) \| (.*) \| ([^|]*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Called:
    """A command as it is typed, such as ``moor cert show``."""

    words: str
    command: Any

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return its arguments and options, each with its meaning; but for --help."""
        context = self.command.make_context(self.words, [], resilient_parsing=True)
        return [_option(one, context) for one in self.command.params if one.name != "help"]


def called(command: Any, words: str) -> Iterator[Called]:
    """Yield a command and all below it; a group that does nothing by itself is left out."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield Called(words, command)
    for word, inner in below.items():
        yield from called(inner, f"{words} {word}")


def exit_codes() -> dict[str, str]:
    """Return the exit codes of each command by its word, as README.md lists them."""
    rows = ROW.findall((DOCS.parent / "README.md").read_text())
    beside = {word: codes for _, text, codes in rows for word in re.findall(r"`moor ([a-z]+)", text)}
    return beside | {word: codes for first, _, codes in rows for word in re.findall(r"`moor ([a-z]+)", first)}


def page() -> str:
    """Return the whole page.

    Raises:
        InputError: a command has no row in README.md.
    """
    commands: dict[str, Any] = {**getattr(get_command(every_command()), "commands", {}), "lab": get_command(lab_app)}
    everything = [one for word in commands for one in called(commands[word], f"moor {word}")]
    many = Counter(option for one in everything for option in one.options)
    shared = {option for option, times in many.items() if times >= SHARED_BY}
    codes = exit_codes()
    if lacking := [word for word in commands if word not in codes]:
        raise InputError(f"README.md: its table of commands has no row for {', '.join(lacking)}")
    lines = [HEAD + _table(sorted(shared, key=lambda option: (-many[option], option))) + "\n"]
    for heading, words in _groups(commands).items():
        lines.append(f"## {heading}\n")
        lines += [_told(one, shared, codes[word]) for word in words for one in called(commands[word], f"moor {word}")]
    return "\n".join(lines)


def _groups(commands: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the commands in the order of an operator's work; one that is listed nowhere comes last."""
    found = {heading: [word for word in words if word in commands] for heading, words in GROUPS.items()}
    listed = {word for words in found.values() for word in words}
    return {heading: words for heading, words in {**found, OTHERS: [*commands.keys() - listed]}.items() if words}


def _told(one: Called, shared: set[tuple[str, str]], codes: str) -> str:
    options = one.options
    common = ", ".join(
        re.sub(r" .*", "", option[0].split(", ")[-1].strip("`")) for option in options if option in shared
    )
    own = [option for option in options if option not in shared]
    text = [wrapped(" ".join(paragraph.split())) for paragraph in (one.command.help or "").split("\n\n")]
    parts = [f"### `{one.words}`", *text, *([_table(own)] if own else [])]
    if common:
        parts.append(wrapped("And: " + ", ".join(f"`{word}`" for word in common.split(", ")) + "."))
    return "\n\n".join([*parts, wrapped(f"Exit code: {codes}.")]) + "\n"


def _table(options: list[tuple[str, str]]) -> str:
    return "\n".join(["| word | meaning |", "|---|---|", *(f"| {words} | {meaning} |" for words, meaning in options)])


def _option(parameter: Any, context: Any) -> tuple[str, str]:
    """Return an argument or option as it is typed, and what it means, by the words of the command's own help."""
    typed, meaning = parameter.get_help_record(context) or ("", "")
    words, _, kind = typed.partition(" ")
    while kind.startswith("-"):  # further spellings of the option
        more, _, kind = kind.partition(" ")
        words = f"{words} {more}"
    if parameter.param_type_name == "argument":
        words = words.strip("[].")
        value = "..." if parameter.nargs == -1 else ""
    else:
        value = f" {VALUES.get(kind, kind.strip('<>'))}" if kind else ""
    *others, last = words.split(", ")
    return cell(", ".join(f"`{word}`" for word in [*others, last + value])), cell(_plain(meaning))


def _plain(meaning: str) -> str:
    """Return what an option means, its default in words instead of in brackets, and its bounds left out."""
    found = re.fullmatch(r"(.*?)(?:(?:^|\s+)\[(default: [^;\]]+|required|[0-9<=x]+)[^\[]*\])?", meaning, re.DOTALL)
    text, extra = (found[1].rstrip("."), found[2] or "") if found else (meaning, "")
    value = extra.removeprefix("default: ")
    if extra == "required":
        return "; ".join(filter(None, (text, extra)))
    told = extra != value and value != "0" and not value.startswith("/") and "by default" not in text
    return f"{text}; by default `{value}`" if told else text
