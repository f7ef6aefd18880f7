"""How Sphinx makes a site of the pages: README.md is its first page, and what that page lists is the navigation.

The pages link to each other by their files, so that they read the same on a code host. `make docs` builds the site.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
PLACES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples", "bench")

project = "moor"
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4  # as code hosts make them of a heading's words
highlight_language = "none"  # of a block whose fence names none: a terminal's

include_patterns = [*PLACES[:4], "docs/**.md", "examples/*/README.md", "bench/results.md"]
exclude_patterns = sorted({entry.name for entry in ROOT.iterdir()} - set(PLACES))

html_theme = "furo"  # fetches no font, style or script from elsewhere: the site is read offline
html_title = "moor"
html_show_copyright = False
html_copy_source = False
html_use_index = False  # of terms, of which the pages mark none
html_static_path = ["site.css"]
html_css_files = ["site.css"]


def groups(first_page: str) -> dict[str, list[str]]:
    """Return the navigation: for each heading below "Read on", the pages that are linked there, each once."""
    below = re.split(r"^## Read on\n", first_page, flags=re.MULTILINE)[1]
    found: dict[str, list[str]] = {}
    listed: set[str] = set()
    for part in re.split(r"^### ", re.split(r"^## ", below, flags=re.MULTILINE)[0], flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        pages = [page for page in dict.fromkeys(re.findall(r"\]\(([\w./-]+)\.md\)", text)) if page not in listed]
        listed.update(pages)
        found[heading] = pages
    return found


def _toctrees(first_page: str, known: set[str]) -> Iterator[str]:
    """Yield the navigation as Sphinx reads it; a page that nobody listed comes last."""
    found = groups(first_page)
    inner = {page for page in known if re.match(r"docs/decisions/(?!README)|examples/", page)}
    missing = known - inner - {root_doc} - {page for pages in found.values() for page in pages}
    examples = sorted(page for page in inner if page.startswith("examples/"))
    for heading, pages in {**found, "Examples": examples, "More": sorted(missing)}.items():
        if pages:
            yield _toctree(heading, pages)


def _toctree(caption: str, pages: list[str]) -> str:
    words = [f":caption: {caption}"] if caption else []
    return "\n".join(
        [
            "",
            "```{toctree}",
            ":hidden:",
            ":titlesonly:",
            ":maxdepth: 1",
            *words,
            "",
            *(f"/{page}" for page in pages),
            "```",
            "",
        ]
    )


def add_navigation(app: Sphinx, page: str, content: list[str]) -> None:
    """Add to the first page, and to the list of decisions, which pages are below them."""
    if page == root_doc:
        content[0] += "".join(_toctrees(content[0], set(app.env.found_docs)))
    elif page == "docs/decisions/README":
        content[0] += _toctree(
            "", [f"docs/decisions/{name}" for name in re.findall(r"\]\((\w[\w-]*)\.md\)", content[0])]
        )


def copy_first_page(app: Sphinx, error: Exception | None) -> None:
    """Copy the first page to where web servers look for it."""
    if error is None and app.builder.format == "html":
        shutil.copyfile(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app: Sphinx) -> None:
    """Register what this site does beside Sphinx's own work."""
    app.connect("source-read", add_navigation)
    app.connect("build-finished", copy_first_page)
