"""The chart of drift over time, and the scale of the expiry bars; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, log10

WIDTH, HEIGHT = 720, 180
POINTS = 240
TICKS = (("30 days", 30.0), ("1 year", 365.0))
LONGEST_DAYS = 3650.0

Point = tuple[datetime, int, int]


@dataclass(frozen=True)
class Chart:
    """A drawing of ``WIDTH`` by ``HEIGHT`` with two lines: open findings, and hosts that were not examined.

    Attributes:
        findings: the points of the first line, as SVG writes them
        unexamined: the points of the second line
        top: the value at the upper end of the axis
        table: the worst point of each of at most 12 periods, for readers who cannot see the lines
    """

    findings: str
    unexamined: str
    top: int
    begin: datetime | None
    end: datetime | None
    table: Sequence[Point]


def chart(points: Sequence[Point]) -> Chart:
    """Draw runs, oldest first; of many runs that are close together only the worst is drawn."""
    if not points:
        return Chart("", "", 0, None, None, ())
    few = thinned(points, POINTS)
    top = axis_top(max(max(found, lost) for _, found, lost in few))
    begin, end = few[0][0], few[-1][0]
    return Chart(
        _line([(moment, found) for moment, found, _ in few], begin, end, top),
        _line([(moment, lost) for moment, _, lost in few], begin, end, top),
        top,
        begin,
        end,
        thinned(points, 12),
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most ``most`` points: the worst of each period, and the last one."""
    if len(points) <= most:
        return list(points)
    size = ceil((len(points) - 1) / (most - 1))
    parts = [points[start : start + size] for start in range(0, len(points) - 1, size)]
    return [*(max(part, key=lambda point: (point[1] + point[2], point[0])) for part in parts), points[-1]]


def axis_top(most: int) -> int:
    """Return the top of an axis for values up to ``most``: 1, 2 or 5 times a power of ten."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if step * size >= most:
                return step * size
        size *= 10


def _line(points: Sequence[tuple[datetime, int]], begin: datetime, end: datetime, top: int) -> str:
    whole = (end - begin).total_seconds() or 1
    places = (
        f"{(moment - begin).total_seconds() / whole * WIDTH:.1f},{HEIGHT - value / top * HEIGHT:.1f}"
        for moment, value in points
    )
    return " ".join(places)


def share(days: float) -> float:
    """Return the position of a number of days on a logarithmic scale of ten years, 0 to 100."""
    clipped = min(max(days, 0.0), LONGEST_DAYS)
    return round(100 * log10(1 + clipped) / log10(1 + LONGEST_DAYS), 2)
