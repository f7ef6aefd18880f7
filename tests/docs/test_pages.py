"""What the pages show can be typed, and what they point at is there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command

from moor.cli import every_command
from moor.cli.parameters import plan_file
from moor.engine.findings import Expiry, Finding
from moor.engine.images_in_use import ImageInUse
from moor.engine.measurements import Counted, Filling, Lasting
from moor.engine.results import Status
from moor.run.report import HostReport, ResourceReport, RunReport
from moor.run.selection import find_runbook
from moor.settings.modules import SHIPPED
from moor_lab.cli import app as lab_app
from tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, links, paths, prose, tables

OWN = {"ntp", "timezone"}  # the runbooks that docs/write-a-task.md adds
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
MADE = {"commands.md"}  # by moor_docs, from the commands themselves
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
every_written_page = pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in MADE], ids=lambda page: page.name
)


@cache
def whole() -> Any:
    """Return moor's command line, which takes long to make of all its functions."""
    app = every_command()
    app.registered_groups[:] = [group for group in app.registered_groups if group.name != "lab"]
    app.add_typer(lab_app, name="lab")
    return get_command(app)


def understood(words: Sequence[str]) -> dict[str, Any]:
    """Parse a command line of moor without running it; raises what typer raises."""
    command, name, rest, context = whole(), "moor", list(words), None
    while True:
        context = command.make_context(name, rest, parent=context)
        left = [*context._protected_args, *context.args]
        if not hasattr(command, "resolve_command") or (getattr(command, "invoke_without_command", False) and not left):
            params: dict[str, Any] = context.params
            return params
        name, command, rest = command.resolve_command(context, left)


@every_written_page
def test_every_command_that_a_page_shows_is_understood(page: Path) -> None:
    for program, *words in commands(page):
        if program == "make":
            assert set(words) <= TARGETS
        elif words and words[0] not in ("NAME", "--help", "--version"):
            named = understood(words).get("runbook") or "site"
            for runbook in named.split() if isinstance(named, str) else named:
                assert runbook in {*OWN, "NAME", "FILE"} or plan_file([runbook]) or find_runbook(SHIPPED, runbook)


def test_commands_are_found_in_blocks_in_lines_and_in_code() -> None:
    found = [words for page in PAGES for words in commands(page)]
    assert ["moor", "check"] in found
    assert ["make", "demo"] in found
    assert ["moor", "plan", "--limit", "node3"] in found


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        file, _, anchor = target.partition("#")
        place = page.parent / file if file else page
        assert place.is_file(), target
        assert not anchor or anchor in anchors(place), target


@every_page
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    assert [path for path in paths(page) if not (ROOT / path).exists()] == []


@every_page
def test_a_page_is_as_wide_as_the_code(page: Path) -> None:
    lines = [line for line in prose(page).splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > 120] == []


def test_every_page_is_reached_from_the_first() -> None:
    assert {str(page.relative_to(ROOT)) for page in PAGES[1:]} <= set(links(PAGES[0]))


def test_the_tests_that_contributors_are_told_to_run_are_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    lines = [line.partition("#")[0].split() for line in re.findall(r"-m pytest (.*)$", page, re.MULTILINE)]
    assert len(lines) > 3
    assert [word for line in lines for word in line if word.startswith("tests/") and not (ROOT / word).exists()] == []
    (wanted,) = {line[line.index("-k") + 1] for line in lines if "-k" in line}
    assert any(f"def test_{wanted}" in file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))


def test_the_page_of_json_lists_every_key_and_status() -> None:
    page = ROOT / "docs/output.md"
    report = json.loads(RunReport("run", "plan", {"node1": HostReport(resources=[ResourceReport("id", "ok")])}).json())
    host = report["hosts"]["node1"]
    kinds = {"finding": Finding, "expiry": Expiry, "image": ImageInUse}
    wanted = {"report": report.keys(), "host": host.keys(), "resource": host["resources"][0].keys()}
    wanted |= {name: dict.fromkeys(field.name for field in fields(kind)).keys() for name, kind in kinds.items()}
    wanted["measured"] = {field.name: None for kind in (Filling, Lasting, Counted) for field in fields(kind)}.keys()
    assert {name: set(keys) for name, keys in tables(page).items()} == {k: set(v) for k, v in wanted.items()} | {
        "resource": {*wanted["resource"], *get_args(Status)}
    }
    (shown,) = (
        json.loads(b.content.partition("\n")[2])
        for b in blocks(page)
        if "--output json" in b.content.splitlines()[0] and b.language == ""
    )
    assert shown.keys() == report.keys()


def test_every_error_on_the_page_of_errors_is_one_that_the_code_words() -> None:
    sources = [file for part in ("moor", "tasks", "moor_lab") for file in sorted((ROOT / part).rglob("*.py"))]
    # Text that goes on in the next line of source is one text.
    code = re.sub(r"[\"']\n\s*f?[\"']", "", "\n".join(file.read_text() for file in sources))
    said = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    pieces = [piece.strip() for words in said for piece in words.split("...") if len(piece.strip()) > 3]
    assert len(said) > 40
    assert [piece for piece in pieces if piece not in code] == []
