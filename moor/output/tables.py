"""Tables of plain text: as wide as their content, or so that they fit on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

GAP = 2  # blanks between columns
LEAST_PROSE = 24  # columns that a last column of sentences needs at least to be wrapped


def render(columns: Sequence[str], rows: Iterable[Iterable[str]], width: int = 0) -> str:
    """Return a table, with nothing behind the last word of a line.

    Args:
        columns: the heading.
        rows: a cell for each column.
        width: of the terminal; 0 for no limit. On a narrower one, a last column of sentences is wrapped; other tables
            are shown in parts, each with the first column.
    """
    table = [list(columns), *(list(row) for row in rows)]
    sizes = [max(map(cell_width, column)) for column in zip(*table, strict=True)]
    if not width or sum(sizes) + GAP * (len(sizes) - 1) <= width:
        return _lines(table, sizes)
    room = width - sum(sizes[:-1]) - GAP * (len(sizes) - 1)
    if room >= LEAST_PROSE and any(" " in row[-1] for row in table[1:]):
        return _lines(list(_wrapped(table, room)), [*sizes[:-1], room])
    parts = ([0, *part] for part in _parts(sizes, width))
    return "\n\n".join(_lines([[row[i] for i in part] for row in table], [sizes[i] for i in part]) for part in parts)


def render_list(rows: Mapping[str, str], width: int, least: int = 0) -> list[str]:
    """Return lines of words with an explanation behind each, which is wrapped in its column and never cut.

    Args:
        rows: the explanations by their words.
        width: of the whole.
        least: of the column of words, for lists that stand below each other.
    """
    column = max([least, *map(len, rows)])
    indent = " " * (column + 4)
    return [
        line
        for word, words in rows.items()
        for line in wrap(f"  {word:{column}}  {words}", width, subsequent_indent=indent, break_on_hyphens=False)
    ]


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # knows the width of every character

    return cell_len(text)


def _lines(table: Iterable[Sequence[str]], sizes: Sequence[int]) -> str:
    gap = " " * GAP
    return "\n".join(
        gap.join(cell + " " * (size - cell_width(cell)) for cell, size in zip(row, sizes, strict=True)).rstrip()
        for row in table
    )


def _wrapped(table: Iterable[list[str]], room: int) -> Iterator[list[str]]:
    """Yield the rows with the last cell in as many lines as it needs."""
    for *cells, last in table:
        first, *more = wrap(last, room) or [""]
        yield [*cells, first]
        yield from ([*("" for _ in cells), line] for line in more)


def _parts(sizes: Sequence[int], width: int) -> Iterator[list[int]]:
    """Yield the columns behind the first, as many at once as fit beside it; at least one."""
    part: list[int] = []
    used = sizes[0]
    for number, size in enumerate(sizes[1:], 1):
        if part and used + GAP + size > width:
            yield part
            part, used = [], sizes[0]
        part.append(number)
        used += GAP + size
    if part:
        yield part
