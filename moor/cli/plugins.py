"""Commands of other packages, such as ``moor lab``, found by entry points of the group ``moor.commands``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

GROUP = "moor.commands"  # each is a Typer app; the first paragraph of its package's docstring is its help


def names(app: typer.Typer) -> set[str]:
    """Return the names of an app's commands."""
    own = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    return {name.replace("_", "-") for name in (*own, *(group.name or "" for group in app.registered_groups))}


def add_called(app: typer.Typer, word: str) -> None:
    """Add the command ``word`` of another package, unless moor has one of this name."""
    if not word.startswith("-") and word not in names(app):
        for found in entry_points(group=GROUP, name=word):
            app.add_typer(found.load(), name=found.name)


def help_of_others() -> dict[str, str]:
    """Return the line of help of every package's command, without importing the commands themselves."""
    return {found.name: _help(found) for found in entry_points(group=GROUP)}


def _help(found: EntryPoint) -> str:
    text = import_module(found.module.partition(".")[0]).__doc__ or ""
    return " ".join(text.strip().split("\n\n")[0].split())
