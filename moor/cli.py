"""The command line: which command does what, and with which exit code it ends.

Exit codes  0 nothing to do or done; 1 error; 2 a plan has changes, or verify found a fault; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from traceback import format_exc
from typing import Annotated

import typer

from moor.errors import InputError, MoorError
from moor.interruption import INTERRUPTED
from moor.options import Options, Output

app = typer.Typer(
    name="moor",
    help="Keep every host of a fleet moored to a private container registry.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


Site = Annotated[Path | None, typer.Option("--site", help="directory with config.yaml; this one, or the shipped fleet")]
Limit = Annotated[str, typer.Option("--limit", help="hosts and groups, comma-separated; ! excludes")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="hosts at once; 0 is what config.yaml says")]
Shape = Annotated[Output, typer.Option("--output", help="what goes to standard output")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress on standard error")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="log to standard error, show tracebacks")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
Which = Annotated[str, typer.Argument(metavar="[RUNBOOK]", help="a runbook, or one concern of site such as trust")]


@app.command()
def check(
    site: Site = None, limit: Limit = "", workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
    accept_new_host_keys: Annotated[
        bool, typer.Option("--accept-new-host-keys", help="pin the keys of hosts that have none yet")
    ] = False,
) -> int:  # fmt: skip
    """Check that config and inventory are valid and every host is reached."""
    from moor import commands

    return commands.check(Options(site, limit, workers, output, quiet, verbose), accept_new_host_keys)


@app.command()
def plan(
    runbook: Which = "site", site: Site = None, limit: Limit = "", workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False,
) -> int:  # fmt: skip
    """Say what would change; nothing is written anywhere."""
    from moor import commands

    return commands.plan(Options(site, limit, workers, output, quiet, verbose), runbook)


@app.command()
def apply(
    runbook: Which = "site", site: Site = None, limit: Limit = "", workers: Workers = 0,
    output: Shape = Output.text, quiet: Quiet = False, verbose: Verbose = False, yes: Yes = False,
) -> int:  # fmt: skip
    """Change what differs."""
    from moor import commands

    options = Options(site, limit, workers, output, quiet, verbose)
    if yes:
        return commands.apply(options, runbook)
    if not sys.stdin.isatty():
        raise InputError("apply: nobody to ask, since standard input is no terminal; say --yes")
    planned = commands.plan(replace(options, output=Output.text), runbook)
    if planned == 2 and typer.confirm("Apply this?", err=True):
        return commands.apply(options, runbook)
    return 0 if planned == 2 else planned


@app.command()
def verify(
    site: Site = None, limit: Limit = "", workers: Workers = 0, output: Shape = Output.text, quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:  # fmt: skip
    """Prove from every node: name, route, TLS, login, pull; and the workload itself."""
    from moor import commands

    return commands.verify(Options(site, limit, workers, output, quiet, verbose))


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    words = list(sys.argv[1:] if words is None else words) or ["--help"]
    verbose = "-v" in words or "--verbose" in words
    try:
        sys.exit(_run(words))
    except (KeyboardInterrupt, typer.Abort):
        print("moor: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except MoorError as error:
        _complain(format_exc() if verbose else str(error))
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; nobody is left to tell
        sys.exit(1)
    except Exception as error:
        said = f"internal error: {type(error).__name__}: {error} (-v shows where)"
        _complain(format_exc() if verbose else said)


def _run(words: list[str]) -> int:
    if words[0] in ("--help", "lab"):
        from lab.cli import app as lab_app

        app.add_typer(lab_app, name="lab")
    try:
        return int(app(args=words, prog_name="moor", standalone_mode=False) or 0)
    except typer.Exit as exit_:
        return int(exit_.exit_code)
    except typer.TyperException as error:
        raise InputError(f"{error.format_message()} (moor --help says what is understood)") from error


def _complain(text: str) -> None:
    from moor.secrets import mask

    lines = mask(text).splitlines() or ["(no message)"]
    print(
        f"moor: {lines[0]}" if len(lines) == 1 else "\n".join(["moor:", *(f"  {line}" for line in lines)]),
        file=sys.stderr,
    )
    sys.exit(1)
