"""Commands that other packages bring, such as ``moor lab``: entry points of the group ``moor.cli.commands``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import typer

GROUP = "moor.commands"  # each is a Typer app; the first paragraph of its package's docstring is its help


def names(app: typer.Typer) -> set[str]:
    """Return the commands that an app has."""
    own = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    return {name.replace("_", "-") for name in (*own, *(group.name or "" for group in app.registered_groups))}


def add_called(app: typer.Typer, word: str) -> None:
    """Add the command of that name, if a package brings it; looked up only where moor has none itself."""
    if not word.startswith("-") and word not in names(app):
        for found in entry_points(group=GROUP, name=word):
            app.add_typer(found.load(), name=found.name)


def add_names(app: typer.Typer) -> None:
    """Add what every package brings by its name and help alone, which needs the package and not what it imports."""
    for found in entry_points(group=GROUP):
        if found.name not in names(app):
            app.add_typer(typer.Typer(help=_help(found)), name=found.name)


def _help(found: EntryPoint) -> str | None:
    return import_module(found.module.partition(".")[0]).__doc__
