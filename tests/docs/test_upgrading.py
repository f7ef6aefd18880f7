"""The page of upgrades has notes for each version of the changelog, and names only what is there."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/upgrading-moor.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def versions(page: str) -> list[str]:
    """Return the headings that are a version, such as 0.2.0, or what comes next."""
    return re.findall(r"^## (Unreleased|\[?\d+\.\d+\.\d+.*)$", page, re.MULTILINE)


def test_each_version_of_the_changelog_has_its_notes_in_the_same_order() -> None:
    assert versions(PAGE) == versions(CHANGELOG) != []


def test_a_version_that_asks_something_of_its_users_has_a_table_of_what_to_do() -> None:
    for version, changes in zip(versions(CHANGELOG), re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:], strict=True):
        notes = PAGE.partition(f"## {version}\n")[2].split("\n## ")[0]
        assert ("| if you have | then |" in notes) == ("### Changed, so that you may have to do something" in changes)
