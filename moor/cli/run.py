"""The options of run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import OF_RUNS, takes
from moor.context import CommandOrder
from moor.errors import InputError

LONGEST_S = 86_400
LARGEST = 1024 * 1024  # bytes of a script


@dataclass(frozen=True)
class CommandWords:
    """The command or script, and how it runs."""

    words: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="in quotes, as sh on a host reads it")
    ] = None
    script: Annotated[
        Path | None, typer.Option("--script", metavar="FILE", help="run this file in place of a command")
    ] = None
    sudo: Annotated[bool, typer.Option("--sudo", help="run as root; by default as the login user")] = False
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, max=LONGEST_S, metavar="SECONDS", help="the most that a host may take")
    ] = 60

    def order(self) -> CommandOrder:
        """Return what each host gets; raise InputError for words that contradict each other or say nothing."""
        words = self.words or []
        if len(words) > 1:
            raise InputError(f"run: write the command as one word, in quotes: moor run '{' '.join(words)}'")
        if (self.script is None) == (not words):
            raise InputError("run: write either a command, such as moor run 'uptime' --limit nodes, or --script FILE")
        if self.script is not None:
            return CommandOrder(str(self.script), _content(self.script), self.timeout, self.sudo)
        if not words[0].strip() or "\0" in words[0]:
            raise InputError("run: the command is empty; write one, such as moor run 'uptime' --limit nodes")
        return CommandOrder(words[0].strip(), "", self.timeout, self.sudo)


def _content(path: Path) -> str:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise InputError(f"run: --script {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"run: --script {path}: not a text; only scripts can be run") from error
    if len(raw) > LARGEST or "\0" in text or not text.strip():
        raise InputError(f"run: --script {path}: must be a script of at most {LARGEST // 1024} KiB, and not empty")
    return text.replace("\r\n", "\n")


@app.command()
@takes(*OF_RUNS)
def run(options: Options, command: CommandWords) -> int:
    """Run one command on many hosts, and show equal answers once.

    On network devices, only commands that show something are run.
    """
    from moor.cli.commands import run as action

    return action.run(options, command.order())
