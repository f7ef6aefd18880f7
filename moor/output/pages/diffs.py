"""The lines of a diff as a viewer shows them: side by side, numbered, what changed within a line marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@.*")
ALIKE = 0.4  # lines that have less in common are not compared word by word
LONGEST = 400  # characters of a line that is compared word by word

Piece = tuple[bool, str]  # whether it changed, and the text


@dataclass(frozen=True)
class Side:
    """One line before or after the change, as pieces; ``number`` is 0 where it is unknown."""

    number: int
    pieces: Sequence[Piece]


@dataclass(frozen=True)
class Row:
    """One row of the viewer.

    Attributes:
        title: a field's name, or a line that is no part of a diff; the sides are None then
        same: a line that did not change
    """

    title: str = ""
    same: Side | None = None
    old: Side | None = None
    new: Side | None = None


def rows_of(text: str) -> list[Row]:
    """Return a diff as ``moor plan`` prints it, row by row; a text that is no diff is all titles."""
    rows: list[Row] = []
    old: list[Side] = []
    new: list[Side] = []
    numbers = [0, 0]
    inside = False
    for line in text.splitlines():
        if hunk := HUNK.fullmatch(line):
            rows += _paired(old, new)
            numbers, inside = [int(hunk[1]) or 1, int(hunk[2]) or 1], True
        elif inside and line[:1] == "-":
            old.append(_side(numbers, 0, line))
        elif inside and line[:1] == "+":
            new.append(_side(numbers, 1, line))
        elif inside and line[:1] == " ":
            rows += _paired(old, new)
            rows.append(Row(same=_side(numbers, 1, line)))
            numbers[0] += 1
        else:
            rows += _paired(old, new)
            inside = False
            rows.append(_field(line))
    return rows + _paired(old, new)


def _side(numbers: list[int], which: int, line: str) -> Side:
    numbers[which] += 1
    return Side(numbers[which] - 1, ((False, line[1:]),))


def _field(line: str) -> Row:
    """Return a short field, such as ``running: no -> yes``, with both values marked; any other line as it is."""
    name, colon, values = line.partition(": ")
    before, arrow, after = values.partition(" -> ")
    if not (colon and arrow):
        return Row(line)
    return Row(f"{name}:", old=Side(0, ((False, before),)), new=Side(0, ((False, after),)))


def _paired(old: list[Side], new: list[Side]) -> list[Row]:
    """Return removed and added lines that follow each other side by side, and empty both lists."""
    rows = []
    for at in range(max(len(old), len(new))):
        left, right = (side[at] if at < len(side) else None for side in (old, new))
        if left and right:
            before, after = (side.pieces[0][1] for side in (left, right))
            left, right = (Side(s.number, p) for s, p in zip((left, right), marked(before, after), strict=True))
        rows.append(Row(old=left, new=right))
    old.clear()
    new.clear()
    return rows


def marked(before: str, after: str) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """Return both lines in pieces, with those marked that differ; lines that have little in common are one piece."""
    if max(len(before), len(after)) > LONGEST:
        return ((False, before),), ((False, after),)
    words = [re.findall(r"\w+|\s+|[^\w\s]", line) for line in (before, after)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if matcher.ratio() < ALIKE:
        return ((False, before),), ((False, after),)
    codes = matcher.get_opcodes()
    left = ((code != "equal", "".join(words[0][a:b])) for code, a, b, _, _ in codes)
    right = ((code != "equal", "".join(words[1][c:d])) for code, _, _, c, d in codes)
    return tuple(_nonempty(left)), tuple(_nonempty(right))


def _nonempty(pieces: Iterator[Piece]) -> Iterator[Piece]:
    return (piece for piece in pieces if piece[1])
