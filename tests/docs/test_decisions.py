"""Each decision has a page in one form, and the index lists them by date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import HEADING, ROOT, anchors, links, paths, prose

FOLDER = ROOT / "docs/decisions"
INDEX = FOLDER / "README.md"
DECISIONS = sorted(page for page in FOLDER.glob("*.md") if page != INDEX)
PARTS = ["Context", "Decision", "Rejected", "Consequences"]
DECIDED = re.compile(r"^Decided (\d{4}-\d\d-\d\d), with \".+\"\.$", re.MULTILINE)
every_decision = pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)


def date_of(page: Path) -> str:
    found = DECIDED.search(page.read_text())
    assert found, page.name
    return found[1]


@every_decision
def test_a_decision_has_a_date_and_its_parts(page: Path) -> None:
    title, *parts = HEADING.findall(page.read_text())
    assert parts in (PARTS, [part for part in PARTS if part != "Rejected"])
    assert f"- {date_of(page)}: [{title}]({page.name})" in INDEX.read_text().splitlines()


def test_the_index_lists_each_page_once_by_date() -> None:
    listed = [name for name in links(INDEX) if not name.startswith("..")]
    assert sorted(listed) == [page.name for page in DECISIONS]
    dates = [date_of(FOLDER / name) for name in listed]
    assert dates == sorted(dates)


@pytest.mark.parametrize("page", [INDEX, *DECISIONS], ids=lambda page: page.stem)
def test_what_a_page_points_at_is_there(page: Path) -> None:
    for target in links(page):
        file, _, anchor = target.partition("#")
        place = page.parent / file if file else page
        assert place.is_file(), target
        assert not anchor or anchor in anchors(place), target
    assert [path for path in paths(page) if not (ROOT / path).exists()] == []
    assert [line for line in prose(page).splitlines() if len(line) > 120] == []
