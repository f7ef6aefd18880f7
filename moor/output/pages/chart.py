"""The chart of drift over time: a bar a check, findings below and hosts not examined above; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from moor.output.pages.words import many

WIDTH, HEIGHT = 720, 160
POINTS = 90
FEW = 12  # so many bars have their numbers and times written beside them
WIDEST = 44.0

Point = tuple[datetime, int, int]  # when, findings, hosts not examined


@dataclass(frozen=True)
class Bar:
    """One check, or the worst of several; the heights are those of its two parts."""

    x: float
    width: float
    found: float
    lost: float
    point: Point
    label: str

    @property
    def top(self) -> float:
        """Return where its upper end is."""
        return max(0.0, HEIGHT - self.found - self.lost)  # a rounding of floats may leave -1e-14


@dataclass(frozen=True)
class Chart:
    """A drawing of ``WIDTH`` by ``HEIGHT``.

    Attributes:
        top: the value at the upper end of the axis
        words: what the chart says, in a sentence or two
        table: the worst point of each of at most 12 periods, for readers who cannot see the bars
    """

    bars: Sequence[Bar]
    top: int
    words: str
    table: Sequence[Point]


def chart(points: Sequence[Point]) -> Chart:
    """Draw checks, oldest first; of many that are close together only the worst is drawn."""
    if not points:
        return Chart((), 1, "", ())
    few = thinned(points, POINTS)
    top = axis_top(max(found + lost for _, found, lost in few))
    slot = WIDTH / max(len(few), FEW // 2)
    width = round(min(slot * 0.7, WIDEST), 1)
    bars = [_bar(point, slot * (number + 0.5) - width / 2, width, top) for number, point in enumerate(few)]
    return Chart(bars, top, _words(points), thinned(points, FEW))


def _bar(point: Point, x: float, width: float, top: int) -> Bar:
    _, found, lost = point
    label = " + ".join(filter(None, (str(found), f"{lost}?" if lost else "")))
    return Bar(round(x, 1), width, round(found / top * HEIGHT, 1), round(lost / top * HEIGHT, 1), point, label)


def _words(points: Sequence[Point]) -> str:
    moment, found, lost = points[-1]
    now = many(found, "finding") + (f", and {many(lost, 'host')} not examined" if lost else "")
    if len(points) == 1:
        return f"One check so far, on {moment:%Y-%m-%d %H:%M} UTC: {now if found or lost else 'clean'}."
    clean = sum(not (one or other) for _, one, other in points)
    worst = max(points, key=lambda point: (point[1] + point[2], point[0]))
    told = f"; the worst was {worst[0]:%Y-%m-%d %H:%M}, with {many(worst[1], 'finding')}" if worst[1] > found else ""
    return (
        f"{now} in the last check, {_trend(found - points[-2][1])}. {clean} of {len(points)} checks were clean{told}."
    )


def _trend(more: int) -> str:
    return f"{abs(more)} {'more' if more > 0 else 'fewer'} than in the one before" if more else "as in the one before"


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
