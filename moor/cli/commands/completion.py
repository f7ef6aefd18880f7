"""The actions of completion and manual: both print what is made from the commands' declarations."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from moor.cli.commands.running import print_safely, print_source
from moor.cli.manual import roff, shells
from moor.cli.manual.tree import Described, describe
from moor.errors import InputError, controller_error_text
from moor.output import paint
from moor.suggestions import did_you_mean
from moor.version import moor_version


def completion(shell: str) -> int:
    """Print the script of a shell."""
    sys.stdout.write(shells.script(shell, describe()))
    return 0


def show_manual(words: list[str]) -> int:
    """Show a command's page by man on a terminal, or print its source."""
    root = describe()
    source = roff.page(_named(root, words), root, moor_version())
    if paint.is_terminal(sys.stdout) and shutil.which("man"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "moor.1"
            file.write_text(source, "utf-8")
            return subprocess.run(["man", "-l", str(file)], check=False).returncode
    print_source(source.rstrip("\n"))
    return 0


def _named(root: Described, words: list[str]) -> Described:
    path = " ".join(["moor", *words])
    found = {one.path: one for one in root.everything()}
    if path not in found:
        near = did_you_mean(path, found) or "; moor --help lists all"
        raise InputError(f"manual: no command is called {path.removeprefix('moor ')}{near}")
    return found[path]


def write_manual(folder: Path) -> int:
    """Write all pages into a folder, and say how to read them."""
    made = roff.pages(describe(), moor_version())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in made.items():
            (folder / name).write_text(source, "utf-8")
    except OSError as error:
        words = controller_error_text(error) or error.strerror
        raise InputError(f"manual: --into {folder}: {words}; name another directory") from error
    path = f"MANPATH={folder.resolve().parent}: " if folder.name == "man1" else ""
    read = f"{path}man moor-plan" if path else f"man -l {folder / 'moor.1'}"
    print_safely(f"{len(made)} pages written to {folder}; read them by: {read}")
    return 0
