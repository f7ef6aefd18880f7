"""Moor's own lines in a file of others, between two marks; pure."""

from __future__ import annotations

from collections.abc import Sequence

OTHER, BEGIN, END = "", "begin", "end"  # what a line is


def with_block(content: str, name: str, lines: Sequence[str], below: str = "") -> str:
    """Return the content with moor's lines in their present place; in a file without them, at the end.

    Args:
        content: of the file
        name: of the block, which its marks have
        lines: moor's own
        below: the line below which a new block goes, such as ``[main]``; a file that lacks it gets it at its end
    """
    before, held, after = _parts(content, name)
    if not held and below:
        before, after = _split_below(before, below)
    gap = "\n" if before and not before.endswith("\n") else ""
    block = "".join(f"{line}\n" for line in (_begin(name), *lines, _end(name)))
    return f"{before}{gap}{block}{after}"


def without_block(content: str, name: str) -> str:
    """Return the content without moor's lines."""
    before, _, after = _parts(content, name)
    return before + after


def _begin(name: str) -> str:
    return f"# BEGIN moor {name}"


def _end(name: str) -> str:
    return f"# END moor {name}"


def _parts(content: str, name: str) -> tuple[str, bool, str]:
    """Return what stands before the block, whether there is one, and what stands behind it.

    A beginning without an end is only its own line, since the lines after it may be other people's.
    """
    lines = content.splitlines(keepends=True)
    kinds = {_begin(name): BEGIN, _end(name): END}
    marks = [kinds.get(line.strip(), OTHER) for line in lines]
    kept, place, number = list[str](), -1, 0
    while number < len(lines):
        if marks[number] == OTHER:
            kept.append(lines[number])
        else:
            place = len(kept) if place < 0 else place
            number = _last(marks, number)
        number += 1
    cut = len(kept) if place < 0 else place
    return "".join(kept[:cut]), place >= 0, "".join(kept[cut:])


def _last(marks: Sequence[str], first: int) -> int:
    """Return the index of the last line of the block that begins at ``first``; itself if no end follows it."""
    end = next((number for number in range(first + 1, len(marks)) if marks[number] != OTHER), first)
    return end if marks[first] == BEGIN and marks[end] == END else first


def _split_below(content: str, line: str) -> tuple[str, str]:
    lines = content.splitlines(keepends=True)
    found = next((number for number, text in enumerate(lines) if text.strip() == line), None)
    if found is None:
        gap = "\n" if content and not content.endswith("\n") else ""
        return f"{content}{gap}{line}\n", ""
    return "".join(lines[: found + 1]), "".join(lines[found + 1 :])
