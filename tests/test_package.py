"""What an operator installs: requirements.txt alone is enough for moor, and holds nothing of tests and checks."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", re.MULTILINE)
OF_DEVELOPERS = {"pytest", "mypy", "ruff", "selenium", "fakenos", "pyjwt", "hypothesis", "grpcio", "editables"}


def pinned() -> list[str]:
    return PINNED.findall((ROOT / "requirements.txt").read_text())


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python that has the libraries of requirements.txt, by links to those installed here, and moor."""
    directory = tmp_path_factory.mktemp("user")
    venv.create(directory, symlinks=True)
    site = next(directory.glob("lib/python3*/site-packages"))
    for name in pinned():
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    (site / "moor.pth").write_text(f"{ROOT}\n")
    return directory / "bin" / "python"


def run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *words], capture_output=True, text=True, check=False, cwd=python.parent)


def test_nothing_of_tests_and_checks_is_installed_for_an_operator() -> None:
    assert OF_DEVELOPERS.isdisjoint(name.lower() for name in pinned())


def test_what_is_pinned_for_an_operator_is_pinned_for_developers_too() -> None:
    def lines(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert lines("requirements.txt") <= lines("requirements-dev.txt")


def test_each_library_has_what_it_asks_for() -> None:
    """The same question as `pip check`, over what an operator installs."""
    versions = {name.lower().replace("_", "-"): importlib.metadata.version(name) for name in pinned()}
    lacking = [
        f"{name} asks for {wanted}"
        for name in versions
        for wanted in map(Requirement, importlib.metadata.requires(name) or ())
        if (wanted.marker is None or wanted.marker.evaluate({"extra": ""}))
        and versions.get(wanted.name.lower().replace("_", "-"), "") not in wanted.specifier
    ]
    assert lacking == []


def test_every_module_of_moor_can_be_imported_with_an_operators_libraries(python: Path) -> None:
    folders = ("moor", "tasks", "runbooks")
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
    ]
    done = run(python, "-c", f"import importlib\nfor name in {modules}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


def test_moor_runs_with_an_operators_libraries(python: Path, tmp_path: Path) -> None:
    done = run(python, "-m", "moor", "check", "--site", str(tmp_path))
    assert done.returncode == 1
    assert "config.yaml" in done.stderr
    assert "Traceback" not in done.stderr
