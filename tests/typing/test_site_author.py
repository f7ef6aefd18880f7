"""What the compatibility page promises to site authors is there, typed, and nothing else is."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import moor
from moor import api

ROOT = Path(__file__).parents[2]
AUTHOR = Path(__file__).with_name("site_author.py")
PROGRAM = Path(__file__).with_name("program.py")
PAGE = ROOT / "docs/compatibility.md"


def imported(example: Path, module: str) -> set[str]:
    tree = ast.parse(example.read_text())
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {name.name for node in froms if node.module == module for name in node.names}


def promised(heading: str) -> set[str]:
    part = re.split(r"^##+ ", PAGE.read_text(), flags=re.MULTILINE)
    (names,) = (text for text in part if text.startswith(heading))
    rows = [line.split("|")[1] for line in names.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`(\w+)`", " ".join(rows)))


@pytest.mark.parametrize(
    ("example", "module", "heading"),
    [(AUTHOR, api, "What site authors import"), (PROGRAM, moor, "What programs import")],
    ids=["site-author", "program"],
)
def test_the_names_of_the_page_of_the_module_and_of_the_example_are_the_same(
    example: Path, module: ModuleType, heading: str
) -> None:
    assert promised(heading) == set(module.__all__)
    assert imported(example, module.__name__) == set(module.__all__)


def test_modules_of_a_site_author_and_of_a_program_pass_mypy_strict(tmp_path: Path) -> None:
    for example in (AUTHOR, PROGRAM):
        shutil.copy(example, tmp_path / f"{example.stem}_copy.py")
    words = ["-m", "mypy", "--strict", "--no-incremental", "--config-file=", "."]
    surroundings = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
