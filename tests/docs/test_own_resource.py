"""The resource of docs/write-a-task.md: its own tests pass, and moor plans and applies it over SSH."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.docs.test_scripts import site, sshd

__all__ = ["site", "sshd"]  # the fixtures

FOLDER = ROOT / "docs/own-resource"
FILES = ("tasks/timezone.py", "runbooks/timezone.py", "tests/test_timezone.py")


def copied(site: Path) -> Path:
    """Put the example's files into a site, as a reader of the page does."""
    for name in FILES:
        (site / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(FOLDER / name, site / name)
    return site


def python(site: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *words], cwd=site, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_page_shows_the_files_as_they_are() -> None:
    shown = {block.content for block in blocks(ROOT / "docs/write-a-task.md")}
    assert [name for name in FILES if (FOLDER / name).read_text() not in shown] == []


def test_the_resources_own_tests_pass(site: Path) -> None:
    (copied(site) / "tasks/__init__.py").touch()  # the checkout's own tasks/ is on the path here, and is a package
    code, out = python(site, "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests")
    assert code == 0, out
    assert "9 passed" in out


def test_the_resource_is_planned_applied_and_then_as_it_should_be(site: Path) -> None:
    copied(site)
    groups = site / "inventory/groups.yaml"
    groups.write_text("nodes: {data: {timezone: {zone: America/Lima}}}\nharbor: {}\n")
    code, plan = python(site, "moor", "plan", "timezone", "--quiet", "--limit", "node1")
    assert code == 2, plan
    assert "~ timezone:/etc/localtime  [node1]" in plan
    assert "-> America/Lima" in plan
    assert "plan: 1 change on 1 host; 0 as they should be" in plan
    assert plan.splitlines()[-1] in (ROOT / "docs/write-a-task.md").read_text()
    assert python(site, "moor", "apply", "timezone", "--yes", "--quiet", "--limit", "node1")[0] == 0
    assert python(site, "moor", "plan", "timezone", "--quiet", "--limit", "node1")[0] == 0
    groups.write_text(groups.read_text().replace("America/Lima", "America/Limo"))
    code, out = python(site, "moor", "apply", "timezone", "--yes", "--quiet", "--limit", "node1")
    assert code == 1
    assert "no zone America/Limo here; install tzdata, or write another zone" in out
