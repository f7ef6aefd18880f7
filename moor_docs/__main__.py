"""``python -m moor_docs``: write the pages that are made from the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moor_docs import commands_page, settings_page
from moor_docs.docstrings import DOCS

PAGES: Mapping[str, Callable[[], str]] = {"settings.md": settings_page.page, "commands.md": commands_page.page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())
