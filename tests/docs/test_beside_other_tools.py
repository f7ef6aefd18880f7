"""The table of Harbor's things beside other tools names every key of ours, and none that is not there."""

from __future__ import annotations

import re

from moor.tasks.registry.project.settings import Project
from moor.tasks.registry.system.settings import HarborSystem
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "harbor-configuration.md"
OTHER_WORDS = {"projects.NAME", "harbor_system", "prune", "data.harbor.admin_password"}


def named() -> set[str]:
    """Return the words in code of the column about moor, but for commands."""
    rows = PAGE.read_text().partition("## Beside other tools")[2].splitlines()
    cells = [line.strip("|").split("|")[2] for line in rows if line.startswith("| ")][1:]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell) if not word.startswith("moor ")}


def test_every_kind_of_thing_is_beside_what_other_tools_call_it() -> None:
    ours = (set(Project.model_fields) | set(HarborSystem.model_fields)) - {"prune"}
    assert named() - OTHER_WORDS == ours
