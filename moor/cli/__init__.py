"""The command line: its entry point and exit codes.

0 nothing to do or done; 1 error; 2 a plan has changes, or verify found a fault; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from moor import garbage_collection
from moor.cli import names
from moor.errors import InputError, MoorError
from moor.run.interruption import INTERRUPTED, raise_on_signals

if TYPE_CHECKING:
    import typer

__all__ = ["every_command", "main"]

# The module that registers a command with ``app`` when it is imported, by the command's word, in the order of the help.
COMMANDS = {
    "init": "init",
    "import": "import_",
    "list": "listing",
    "check": "fleet",
    "plan": "fleet",
    "show": "show",
    "apply": "fleet",
    "verify": "fleet",
    "path": "path",
    "diagnose": "diagnose",
    "drift": "drift",
    "run": "run",
    "hold": "hold",
    "release": "hold",
    "images": "images",
    "history": "history",
    "node": "node",
    "device": "device",
    "hosts": "hosts",
    "onboard": "hosts",
    "offboard": "offboard",
    "remove": "remove",
    "schedule": "schedule",
    "report": "pages",
    "serve": "pages",
    "rollback": "rollback",
    "cert": "cert",
    "rotate": "rotate",
    "backup": "backup",
    "restore": "backup",
    "failover": "failover",
    "harbor": "harbor",
    "bundle": "bundle",
    "completion": "completion",
    "manual": "completion",
}
HELP = ("-h", "--help")


def every_command() -> typer.Typer:
    """Import all commands, and return the application with them."""
    from moor.cli.parameters import app

    for module in dict.fromkeys(COMMANDS.values()):
        import_module(f"{__name__}.{module}")
    return app


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    garbage_collection.collect_rarely()
    _open_standard_streams()
    # To find plugins of pydantic, it would read the metadata of every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = list(sys.argv[1:] if words is None else words)
    verbose = "-v" in words or "--verbose" in words
    raise_on_signals()
    try:
        sys.exit(_run(words))
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            print("moor: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except MoorError as error:
        _complain(_traceback() if verbose else str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, so no message reaches anybody
        sys.exit(1)
    except Exception as error:
        _complain(_traceback() if verbose else _unforeseen(error))


def _open_standard_streams() -> None:
    """Open the null device for each standard stream that the caller has closed, since Python has None for it then."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 (it lives as long as the process)


def _run(words: list[str]) -> int:
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise InputError(
            "the working directory is gone; cd to one that is there, and type the command again"
        ) from error
    if not words:
        from moor.cli.commands.next_step import show_next_step

        return show_next_step(here)
    if words[0] == names.OPTION:
        return names.complete(words[1:])
    if words[0] in HELP:
        from moor.cli.overview import print_overview

        print_overview(_not_in_overview())
        return 0
    from moor.cli import program  # Typer takes longer to import than all that the overview needs

    return program.run(words)


def _not_in_overview() -> dict[str, str]:
    """Return the commands that the overview does not know, with their lines: most are of other packages."""
    from moor.cli.overview import known
    from moor.cli.plugins import help_of_others

    others = {word: line for word, line in help_of_others().items() if word not in COMMANDS}
    if unknown := [word for word in COMMANDS if word not in known()]:
        from moor.cli.program import lines_of

        others |= lines_of(unknown)
    return others


def _unforeseen(error: Exception) -> str:
    from moor.errors import controller_error_text

    told = controller_error_text(error) if isinstance(error, OSError) else ""
    return told or f"internal error: {type(error).__name__}: {error} (-v shows where)"


def _traceback() -> str:
    from traceback import format_exc

    return format_exc()


def _complain(text: str) -> None:
    from moor.engine.plan import printable
    from moor.output import paint

    lines = printable(text).split("\n") or ["(no message)"]
    head = paint.painted_words("moor:", paint.RED, sys.stderr)
    print(
        f"{head} {lines[0]}" if len(lines) == 1 else "\n".join([head, *(f"  {line}" for line in lines)]),
        file=sys.stderr,
    )
    sys.exit(1)
