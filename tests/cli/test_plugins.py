"""Another package brings a command of its own by an entry point."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

APP = '''\
import typer

print("imported")
app = typer.Typer()


@app.command()
def world() -> None:
    """Greet."""
    print("hello, world")


@app.command()
def nobody() -> None:
    """Greet nobody."""
'''


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    """Install a package ``greeting`` that brings the command ``hello``."""
    (tmp_path / "greeting").mkdir()
    (tmp_path / "greeting/__init__.py").write_text('"""Greets whom you name."""\n')
    (tmp_path / "greeting/cli.py").write_text(APP)
    info = tmp_path / "greeting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[moor.commands]\nhello = greeting.cli:app\ncheck = greeting.cli:app\n")
    return tmp_path


def moor(brought: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(brought)}
    return subprocess.run([sys.executable, "-m", "moor", *words], capture_output=True, text=True, env=env, check=False)


def test_a_packages_command_is_run(brought: Path) -> None:
    done = moor(brought, "hello", "world")
    assert (done.returncode, done.stdout, done.stderr) == (0, "imported\nhello, world\n", "")


def test_help_names_a_packages_command_without_importing_it(brought: Path) -> None:
    done = moor(brought, "--help")
    assert re.search(r"^  hello +Greets whom you name\.$", done.stdout, re.MULTILINE)
    assert "imported" not in done.stdout


def test_no_package_takes_the_place_of_a_command_of_moors(brought: Path) -> None:
    assert "imported" not in moor(brought, "check", "--help").stdout
