"""What the compatibility page promises to site authors is there, typed, and nothing else is."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from moor import api

ROOT = Path(__file__).parents[2]
AUTHOR = Path(__file__).with_name("site_author.py")
PAGE = ROOT / "docs/compatibility.md"


def imported() -> set[str]:
    tree = ast.parse(AUTHOR.read_text())
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {name.name for node in froms if node.module == "moor.api" for name in node.names}


def promised() -> set[str]:
    part = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (names,) = (text for text in part if text.startswith("What site authors import"))
    rows = [line.split("|")[1] for line in names.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`(\w+)`", " ".join(rows)))


def test_the_names_of_the_page_of_the_module_and_of_the_example_are_the_same() -> None:
    assert promised() == set(api.__all__)
    assert imported() == set(api.__all__)


def test_a_site_authors_module_passes_mypy_strict(tmp_path: Path) -> None:
    shutil.copy(AUTHOR, tmp_path / "agent.py")
    words = ["-m", "mypy", "--strict", "--no-incremental", "--config-file=", "agent.py"]
    surroundings = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("Success"), done.stdout + done.stderr
