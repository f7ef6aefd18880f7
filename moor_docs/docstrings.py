"""What a model's docstring says of it and of each key, as Markdown of a page in docs/."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel

DOCS = Path(__file__).parent.parent / "docs"
ENTRY = re.compile(r"^    (\w+): (.*(?:\n {6,}.*)*)", re.MULTILINE)
PAGE = re.compile(r"\bdocs/([\w-]+\.md)(?:#([\w-]+))?")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def about(model: type[BaseModel]) -> list[str]:
    """Return the paragraphs of a model's docstring before its keys."""
    text = inspect.cleandoc(model.__doc__ or "").partition("\nAttributes:\n")[0]
    return [markdown(paragraph) for paragraph in text.strip().split("\n\n")]


def anchor(heading: str) -> str:
    """Return the anchor that code hosts and the site make of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the meaning of each key that the docstrings of a model and of its bases tell."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found.update(_attributes(one))
    return found


def stale(model: type[BaseModel]) -> Iterator[str]:
    """Yield what a model's docstring tells of that the model does not have."""
    yield from (name for name in _attributes(model) if name not in model.model_fields and not hasattr(model, name))


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    text = inspect.cleandoc(vars(model).get("__doc__") or "").partition("\nAttributes:\n")[2]
    return {name: markdown(words) for name, words in ENTRY.findall(text)}


def markdown(text: str) -> str:
    """Return a docstring's words as Markdown: its `code`, and the pages that it names as links."""
    line = re.sub(r"\s+", " ", text).strip().replace("``", "`")
    return PAGE.sub(lambda found: f"[{_title(found[1], found[2])}]({found[0].removeprefix('docs/')})", line)


@cache
def _title(page: str, place: str | None) -> str:
    """Return the heading of a page, or of a place on it.

    Raises:
        LookupError: there is no such heading.
    """
    headings = HEADING.findall((DOCS / page).read_text())
    if not place:
        return str(headings[0])
    for heading in headings:
        if anchor(heading) == place:
            return str(heading)
    raise LookupError(f"docs/{page} has no heading {place}, which a docstring names")
