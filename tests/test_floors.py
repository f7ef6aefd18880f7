"""A module that imports upwards, by name across packages or in a circle is refused by `make check`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "breach", "broken"),
    [
        (
            "moor/settings/modules.py",
            "import moor.tasks",
            "The framework imports no task, no runbook and nothing of the lab by name",
        ),
        ("moor/errors.py", "from moor.engine import plan", "Imports point down"),
        ("moor/engine/asked_once.py", "from moor.engine import converge, mending, probing", ""),
        ("moor/engine/plan.py", "from moor.engine import converge", "No package or module imports itself in a circle"),
    ],
)
def test_what_breaks_the_floors_is_refused(tmp_path: Path, module: str, breach: str, broken: str) -> None:
    for name in ("moor", "moor_lab"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    with (tmp_path / module).open("a") as file:
        file.write(f"{breach}\n")
    done = lint(tmp_path)
    assert done.returncode == (1 if broken else 0)
    assert f"{broken} BROKEN" in done.stdout if broken else "0 broken" in done.stdout
