"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.rounds import Figures, Table

Cell = Callable[[int, Figures], str]


def table(measured: Table, cell: Cell, last: tuple[str, Callable[[Table, str], str]] | None = None) -> str:
    """Return a table of contenders over sizes, with a dash for sizes that were not measured.

    Args:
        last: the head of a further column, and what it has for a contender
    """
    sizes = sorted({size for found in measured.values() for size in found})
    heads = ["", *(f"N={size}" for size in sizes), *([last[0]] if last else [])]
    rows = [
        [name, *(cell(size, found[size]) if size in found else "-" for size in sizes)]
        + ([last[1](measured, name)] if last else [])
        for name, found in measured.items()
    ]
    return rows_of(heads, rows)


def rows_of(heads: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
