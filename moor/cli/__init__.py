"""The command line: its entry point and exit codes.

0 nothing to do or done; 1 error; 2 a plan has changes, or verify found a fault; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from traceback import format_exc
from typing import Annotated

import typer

from moor import garbage_collection
from moor.cli import plugins
from moor.cli.parameters import app
from moor.errors import InputError, MoorError, controller_error_text
from moor.run.interruption import INTERRUPTED, raise_on_signals

__all__ = ["every_command", "main"]

# The module that registers a command with ``app`` when it is imported, by the command's word, in the order of the help.
COMMANDS = {
    "check": "fleet",
    "plan": "fleet",
    "apply": "fleet",
    "verify": "fleet",
    "diagnose": "diagnose",
    "drift": "drift",
    "images": "images",
    "history": "history",
    "hosts": "hosts",
    "onboard": "hosts",
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
}
HELP = ("-h", "--help")


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


def every_command() -> typer.Typer:
    """Import all commands, and return the application with them."""
    for module in dict.fromkeys(COMMANDS.values()):
        import_module(f"{__name__}.{module}")
    return app


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    garbage_collection.collect_rarely()
    # To find plugins of pydantic, it would read the metadata of every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = list(sys.argv[1:] if words is None else words) or ["--help"]
    verbose = "-v" in words or "--verbose" in words
    raise_on_signals()
    try:
        sys.exit(_run(words))
    except (KeyboardInterrupt, typer.Abort):
        with suppress(OSError):  # the terminal may be closed
            print("moor: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except MoorError as error:
        _complain(format_exc() if verbose else str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, so no message reaches anybody
        sys.exit(1)
    except Exception as error:
        known = controller_error_text(error) if isinstance(error, OSError) else ""
        said = known or f"internal error: {type(error).__name__}: {error} (-v shows where)"
        _complain(format_exc() if verbose else said)


def _run(words: list[str]) -> int:
    if words[0] in COMMANDS:
        import_module(f"{__name__}.{COMMANDS[words[0]]}")  # the other commands would be a tenth of a short run
    elif words[0] in HELP:
        plugins.add_names(every_command())
    else:  # of another package, or misspelt
        plugins.add_called(every_command(), words[0])
    try:
        return int(app(args=words, prog_name="moor", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        return int(exit_.exit_code)
    except typer.TyperException as error:
        raise InputError(_misused(words, error)) from error


def _misused(words: list[str], error: typer.TyperException) -> str:
    """Return the message for words that a command does not understand, with the command that explains itself."""
    message = error.format_message().replace("Value error, ", "")
    if words[0].startswith("-"):
        return f"{message} (options stand behind the command, as in moor plan --site DIR)"
    context = getattr(error, "ctx", None)
    return f"{message} ({context.command_path if context else 'moor'} --help says what is understood)"


def _complain(text: str) -> None:
    from moor.engine.plan import printable

    lines = printable(text).split("\n") or ["(no message)"]
    print(
        f"moor: {lines[0]}" if len(lines) == 1 else "\n".join(["moor:", *(f"  {line}" for line in lines)]),
        file=sys.stderr,
    )
    sys.exit(1)
