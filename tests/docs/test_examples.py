"""The small fleet that a page writes down is a valid one, and so is every piece of an inventory on any page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from moor.settings import settings_of
from moor.sites.site import open_site
from moor.tasks.facts import Registry
from tests.docs.pages import PAGES, ROOT, blocks
from tests.harness.sites import write_site

STARTS = {"inventory/defaults.yaml": "username:", "inventory/hosts.yaml": "harbor1:", "config.yaml": "inventory:"}
LEVEL = {"username", "password", "connection_options", "data"}  # keys by which a piece is known for a level's
PIECES = [
    (page.name, block.content)
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and block.content.split(":")[0] in LEVEL and page.name != "write-a-task.md"
]


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write the site that the page's own blocks make, with the shipped groups, and a build context."""
    written = [block.content for block in blocks(ROOT / "docs/write-down-your-fleet.md")]
    files = {name: next(text for text in written if text.startswith(start)) for name, start in STARTS.items()}
    files |= {"inventory/groups.yaml": (ROOT / "inventory/groups.yaml").read_text(), "web/Dockerfile": "FROM scratch\n"}
    files |= dict.fromkeys(("certificates/vendor-ca.crt", "keys/vendor.pub"), "")
    return write_site(tmp_path, files)


def test_the_fleet_that_the_page_writes_down_is_valid(site: Path) -> None:
    nr = open_site(site, dry_run=True)
    assert settings_of(nr.inventory.hosts["node1"], Registry).name == "registry.fleet.example.org"
    assert nr.inventory.hosts["node1"].port == 2222
    assert nr.config.runner.options["num_workers"] == 50


@pytest.mark.parametrize("piece", [text for _, text in PIECES], ids=[name for name, _ in PIECES])
def test_every_piece_of_an_inventory_that_a_page_shows_is_valid(piece: str, site: Path) -> None:
    groups = site / "inventory/groups.yaml"
    groups.write_text(json.dumps({**read(groups.read_text()), "example": read(piece)}, default=str))
    hosts = site / "inventory/hosts.yaml"
    hosts.write_text(f"{hosts.read_text()}\nanother: {{groups: [example]}}\n")
    assert "another" in open_site(site, dry_run=True).inventory.hosts


def test_pages_show_pieces_of_inventories() -> None:
    assert len(PIECES) > 8
