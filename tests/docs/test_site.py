"""The pages are built as a site without a warning, every link of it leads somewhere, and it is read offline."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import PAGES, ROOT

FETCHED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src"), ("link", "href")}
OUTSIDE = re.compile(r"(?:https?:)?//")


class Built(HTMLParser):
    """What a built page links to, what it fetches, and the places on it that can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.places |= {named[name] for name in ("id", "name") if name in named}
        self.links += [named["href"]] if tag == "a" and "href" in named else []
        self.fetched += [named[name] for kind, name in FETCHED if kind == tag and name in named]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-c", "docs"]
    done = subprocess.run(
        [*words, "-d", str(folder / "trees"), ".", str(folder / "site")], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "site"


@pytest.fixture(scope="module")
def built(site: Path) -> Mapping[Path, Built]:
    return {page: Built(page) for page in sorted(site.rglob("*.html"))}


def test_every_link_of_the_site_leads_somewhere(site: Path, built: Mapping[Path, Built]) -> None:
    lost = []
    for page, read in built.items():
        for link in read.links:
            if OUTSIDE.match(link) or link == "#":
                continue
            file, _, place = unquote(link).partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.is_file() or (place and target in built and place not in built[target].places):
                lost.append(f"{page.relative_to(site)}: {link}")
    assert lost == []


def test_the_site_fetches_nothing_from_elsewhere(site: Path, built: Mapping[Path, Built]) -> None:
    fetched = [link for read in built.values() for link in read.fetched]
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    fetched += re.findall(r"@import\s+(?:url\()?[\"']?([^\"';)]+)", styles) + re.findall(
        r"url\([\"']?([^\"')]+)", styles
    )
    assert any("furo.css" in link for link in fetched)
    assert [link for link in fetched if OUTSIDE.match(link)] == []


def test_every_page_is_in_the_navigation_under_a_heading_of_its_own(site: Path) -> None:
    navigation = (site / "index.html").read_text().partition('class="sidebar-tree"')[2].partition("</aside>")[0]
    listed = re.findall(r'href="([^"#]+)\.html"', navigation)
    pages = {str(page.relative_to(ROOT).with_suffix("")) for page in PAGES[1:]}
    assert pages <= set(listed)
    assert {str(page.parent.relative_to(ROOT)) for page in ROOT.glob("examples/*/README.md")} <= {
        str(Path(page).parent) for page in listed
    }
    captions = re.findall(r'class="caption-text">([^<]+)<', navigation)
    assert captions == [*re.findall(r"^### (.*)$", PAGES[0].read_text(), re.MULTILINE), "Examples"]


def test_the_search_knows_the_words_of_the_pages(site: Path) -> None:
    index = json.loads((site / "searchindex.js").read_text().removeprefix("Search.setIndex(").removesuffix(")"))
    found = index["terms"]["tsig"]
    assert "docs/names" in {index["docnames"][page] for page in (found if isinstance(found, list) else [found])}
