"""The project's pages, taken apart: their code blocks, commands, tables and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(moor|make)((?: .*)?)$")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: the word behind its fence, and its lines."""

    language: str
    content: str


def blocks(page: Path) -> list[Block]:
    """Return a page's fenced blocks in order."""
    return [Block(found[1], found[2]) for found in FENCED.finditer(page.read_text())]


def prose(page: Path) -> str:
    """Return a page without its blocks, fenced or indented."""
    return re.sub(r"^    .*$", "", FENCED.sub("", page.read_text()), flags=re.MULTILINE)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield every command line of moor and make that a page shows, as words: in blocks, and in `code`."""
    shown = [line for block in blocks(page) if block.language in ("", "sh") for line in block.content.splitlines()]
    shown += re.findall(r"^ {4}((?:\.venv/bin/)?moor .*|make .*)$", page.read_text(), re.MULTILINE)
    shown += re.findall(r"`((?:moor|make) [^`]*)`", prose(page))
    for line in shown:
        if found := COMMAND.match(line):
            # What stands two spaces off, or behind a #, says what the command does; > is the shell's.
            words = re.split(r"\s{2,}|\s[#>]", found[2].strip())[0]
            yield [found[1], *shlex.split(words)]


def tables(page: Path) -> dict[str, dict[str, str]]:
    """Return the tables below headings in `code`: by heading, each key with what its second column says."""
    parts = re.split(r"^### `(.*)`$", page.read_text(), flags=re.MULTILINE)[1:]
    return {name: dict(_rows(re.split(r"^#", below, flags=re.MULTILINE)[0])) for name, below in _pairs(parts)}


def _pairs(parts: list[str]) -> Iterator[tuple[str, str]]:
    yield from zip(parts[::2], parts[1::2], strict=True)


def _rows(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if found := re.match(r"\| `([^`]+)` \| ?([^|]*?) ?\|", line):
            yield found[1], found[2].strip("`")


def links(page: Path) -> list[str]:
    """Return the targets of a page's links to files and headings."""
    return re.findall(r"\]\((?!https?://)([^)]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made of their words."""
    return {re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-") for words in HEADING.findall(prose(page))}


def paths(page: Path) -> Iterator[str]:
    """Yield the paths of this repository that a page mentions in `code`."""
    top = {entry.name for entry in ROOT.iterdir()}
    for word in re.findall(r"`([A-Za-z][\w./-]*)`", prose(page)):
        if ("/" in word or "." in word) and word.split("/")[0] in top:
            yield word
