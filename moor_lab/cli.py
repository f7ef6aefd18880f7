"""The lab's command line: ``moor lab ...``, or ``python -m moor_lab ...``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import moor_lab as lab_package
from moor.errors import MoorError
from moor_lab.artifacts import build, provide, provide_installer
from moor_lab.fleet import SHIPPED, load_fleet, parse_host
from moor_lab.lab import Lab, Status

app = typer.Typer(help=lab_package.__doc__, no_args_is_help=True)

FleetFile = Annotated[Path, typer.Option("--fleet", help="The fleet file; the shipped one by default.")]


def _print_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _show(statuses: list[Status]) -> None:
    table = Table(box=None)
    for column in ("host", "address", "suite", "profile", "state"):
        table.add_column(column)
    for status in statuses:
        table.add_row(status.name, str(status.address), status.suite, status.profile, status.state)
    Console().print(table)


@app.command()
def up(names: Annotated[list[str] | None, typer.Argument()] = None, fleet: FleetFile = SHIPPED) -> None:
    """Boot the fleet, or the named hosts; running hosts stay as they are."""
    lab = Lab(load_fleet(fleet), progress=_print_progress)
    provide(lab)
    booted = lab.up(names)
    _print_progress(f"booted {', '.join(booted)}" if booted else "running already")
    _show(lab.status())


@app.command()
def down(
    fleet: FleetFile = SHIPPED,
    secrets: Annotated[bool, typer.Option(help="Remove the lab's passwords too.")] = False,
    cache: Annotated[bool, typer.Option(help="Remove the cached images too.")] = False,
) -> None:
    """Stop the fleet and remove its disks; nothing of the lab is left on the machine."""
    Lab(load_fleet(fleet), progress=_print_progress).down(secrets=secrets, cache=cache)
    _print_progress("down")


@app.command()
def images(fleet: FleetFile = SHIPPED) -> None:
    """Build the images that the fleet needs; boot nothing."""
    build(Lab(load_fleet(fleet), progress=_print_progress))


@app.command()
def installer(release: str, fleet: FleetFile = SHIPPED) -> None:
    """Build the installer of another release of Harbor's stand-in, such as v2.9.5, to try an upgrade with."""
    print(provide_installer(Lab(load_fleet(fleet), progress=_print_progress), release))


@app.command()
def add(
    name: str,
    address: Annotated[str, typer.Option(help="An address of the lab's network that no host has.")],
    suite: Annotated[str, typer.Option(help="bullseye, bookworm, trixie or sid.")] = "trixie",
    profile: Annotated[str, typer.Option(help="node, bare or light.")] = "node",
    role: Annotated[str, typer.Option(help="node joins the cluster, none does not.")] = "node",
    fleet: FleetFile = SHIPPED,
) -> None:
    """Add a host to the running fleet and boot it."""
    lab = Lab(load_fleet(fleet), progress=_print_progress)
    fields = {"name": name, "address": address, "suite": suite, "profile": profile}
    lab.add(parse_host(fields | ({} if role == "none" else {"role": role})))
    _show(lab.status())


@app.command()
def status(fleet: FleetFile = SHIPPED) -> None:
    """Show all hosts and whether they run."""
    _show(Lab(load_fleet(fleet)).status())


@app.command(context_settings={"ignore_unknown_options": True})
def shell(
    host: str,
    command: Annotated[list[str] | None, typer.Argument()] = None,
    fleet: FleetFile = SHIPPED,
) -> None:
    """Log in to a host as the user ops, or run a command on it."""
    argv = [*Lab(load_fleet(fleet)).ssh_argv(host), *(command or [])]
    os.execvp(argv[0], argv)  # noqa: S606 - the terminal is ssh's from here on


def main() -> int:
    """Run the lab's own command line and return its exit code; print an error as one message without traceback."""
    try:
        app()
    except MoorError as error:
        _print_progress(f"error: {error}")
        return 1
    except SystemExit as done:
        return int(done.code or 0)
    return 0
