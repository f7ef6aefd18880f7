"""The pages that are made from the code are those that the code makes, and the code says all that they need."""

from __future__ import annotations

import re

import pytest

from moor_docs import settings_page
from moor_docs.__main__ import PAGES
from moor_docs.docstrings import DOCS

COMMENTED = re.compile(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_one_that_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), f"docs/{name} is not what the code says: run make reference"


def test_every_key_has_a_meaning_in_the_docstring_of_its_model() -> None:
    assert settings_page.faults() == []


def test_a_key_is_told_with_what_it_may_be_its_default_and_its_meaning() -> None:
    rows = {found[1]: found.groups()[1:] for found in COMMENTED.finditer((DOCS / "settings.md").read_text())}
    assert rows["address6"][:2] == ("IPv6 address", "")
    assert rows["lag_minutes"] == (
        "number from 1",
        "`30`",
        "how long the other one may lack an artifact before that is a finding",
    )
    assert rows["runtime"][:2] == ("`containerd`, `k3s`, `rke2`, `crio`", "`containerd`")
    assert rows["admin_password_before"][0] == "secret"
    assert rows["zones"][0] == "[keys](#nameszonesname) by name"
    assert rows["rotate_after_days"][2] == "age at which its login is replaced ([By age](pull-secrets.md#by-age))"


def test_what_a_list_takes_is_in_the_plural() -> None:
    page = (DOCS / "settings.md").read_text()
    assert "| `members` | list of networks |" in page


def test_every_command_is_told_with_its_options_and_its_exit_codes() -> None:
    parts = re.split(r"^### `moor (.*)`$", (DOCS / "commands.md").read_text(), flags=re.MULTILINE)
    told = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert {"check", "plan", "cert show", "bundle create", "schedule", "lab up"} <= told.keys()
    assert all("Exit code: " in text for text in told.values())
    assert "| `-n`, `--namespace TEXT` | of the pods" in told["diagnose"]
    assert "0 nothing, 2 changes, 1 error" in told["plan"]
