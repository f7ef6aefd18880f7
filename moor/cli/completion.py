"""The options of completion and manual."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.parameters import app


class Shell(StrEnum):
    """The shells that are completed."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


@app.command()
def completion(
    context: typer.Context,
    shell: Annotated[
        Shell | None, typer.Argument(metavar="bash|zsh|fish", help="your shell; without it, this help")
    ] = None,
) -> int:
    """Print a script that completes commands, options and names in a shell.

    bash: moor completion bash > ~/.local/share/bash-completion/completions/moor

    zsh: moor completion zsh > DIR/_moor, where DIR is in $fpath

    fish: moor completion fish > ~/.config/fish/completions/moor.fish
    """
    from moor.cli.commands import completion as command

    if shell is None:
        print(context.get_help(), file=sys.stderr)  # standard output is for the script alone
        return 1
    return command.completion(shell.value)


@app.command()
def manual(
    command: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="by default moor itself")] = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="write all pages there, for man")] = None,
) -> int:
    """Show the manual page of a command, or write all of them for man.

    For man: moor manual --into ~/.local/share/man/man1
    """
    from moor.cli.commands import completion as done

    return done.write_manual(into) if into else done.show_manual(command or [])
