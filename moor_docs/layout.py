"""Markdown in lines as wide as the code."""

from __future__ import annotations

from textwrap import fill


def wrapped(text: str) -> str:
    """Return a paragraph in lines of 120 characters; no link and no option is cut at a hyphen."""
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


def cell(text: str) -> str:
    """Return the text of a table's cell; a line of it would end where it has a bar."""
    return text.replace("|", "\\|")
