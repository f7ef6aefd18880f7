"""The commands as Typer runs them: which modules a command line needs, and what is said about words that are wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from moor import cli
from moor.cli import plugins
from moor.cli.parameters import app
from moor.errors import InputError

VALUES = {str: "TEXT", Path: "PATH", int: "N", float: "N"}  # what help calls an option's value, by its type


def _show_version(wanted: bool) -> None:
    if wanted:
        from moor.version import version_line

        print(version_line())
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show the versions and exit")
    ] = False,
) -> None:
    """Define the options before any command."""


def run(words: list[str]) -> int:
    """Run a command line and return its exit code.

    Raises:
        InputError: the words are not understood.
        KeyboardInterrupt: the user ended a question.
    """
    if words[0] in cli.COMMANDS:
        # The other commands would be a tenth of a short run.
        import_module(f"{cli.__name__}.{cli.COMMANDS[words[0]]}")
    else:  # of another package, or misspelt
        plugins.add_called(cli.every_command(), words[0])
    command = _made(tuple(_registered(app)))
    try:
        return int(command(args=words, prog_name="moor", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        return int(exit_.exit_code)
    except typer.Abort as abort:
        raise KeyboardInterrupt from abort
    except typer.TyperException as error:
        raise InputError(_misused(words, error)) from error


def _registered(of: typer.Typer) -> Iterator[object]:
    """Yield each command of an application, those of its groups too."""
    yield from of.registered_commands
    for group in of.registered_groups:
        yield from _registered(group.typer_instance) if group.typer_instance else ()


@cache
def _made(registered: tuple[object, ...]) -> Any:
    """Return the command that Typer makes of what is registered; a process that runs several makes it once."""
    command = get_command(app)
    make_readable(command)
    return command


def lines_of(words: Sequence[str]) -> dict[str, str]:
    """Return the first paragraph of some commands' help."""
    commands = getattr(get_command(cli.every_command()), "commands", {})
    return {word: first_paragraph(commands[word].help or "") for word in words}


def make_readable(command: Any) -> None:
    """Have help list subcommands by whole sentences, which Typer cuts, and values without the types of Python."""
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            parameter.display_type_rich = lambda **_: ""
        elif not parameter.metavar and not parameter.is_flag:
            parameter.metavar = VALUES.get(parameter.type_descriptor.annotation)
    for below in getattr(command, "commands", {}).values():
        below.short_help = first_paragraph(below.help or "")
        make_readable(below)


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a text as one line."""
    return " ".join(text.strip().split("\n\n")[0].split())


def _misused(words: list[str], error: typer.TyperException) -> str:
    """Return the message for words that a command does not understand, with the command that explains itself."""
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    if words[0].startswith("-"):
        return f"{message} (options stand behind the command, as in moor plan --site DIR)"
    context = getattr(error, "ctx", None)
    return f"{message} ({context.command_path if context else 'moor'} --help says what is understood)"
