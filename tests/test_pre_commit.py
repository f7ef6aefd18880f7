"""The pre-commit file: its hooks are the tools of .venv, and they stop a commit that `make check` would refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = (".pre-commit-config.yaml", "pyproject.toml")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with moor's configuration, its .venv and one file."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".gitignore").write_text(".venv\n.*_cache\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def committed(repository: Path, content: str) -> subprocess.CompletedProcess[str]:
    """Run the hooks over a file with ``content``, without mypy, which looks at a whole project."""
    (repository / "one.py").write_text(content)
    subprocess.run(["git", "add", "-A"], cwd=repository, check=True)
    surroundings = {**os.environ, "PRE_COMMIT_HOME": str(repository.parent / "home"), "SKIP": "mypy"}
    words = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"]
    return subprocess.run(words, cwd=repository, env=surroundings, capture_output=True, text=True, check=False)


def test_a_file_that_is_well_passes(repository: Path) -> None:
    done = committed(repository, '"""One."""\n')
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 2


def test_a_fault_stops_the_commit_and_is_named(repository: Path) -> None:
    done = committed(repository, "import os\n")
    assert done.returncode == 1
    assert "imported but unused" in done.stdout


def test_another_format_stops_the_commit_and_is_put_right(repository: Path) -> None:
    done = committed(repository, "one = {'a' : 1}\n")
    assert done.returncode == 1
    assert (repository / "one.py").read_text() == 'one = {"a": 1}\n'
