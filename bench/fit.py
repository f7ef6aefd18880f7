"""Linear fits of the benchmark's costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import correlation, linear_regression


@dataclass(frozen=True)
class Fit:
    """A linear fit of a cost over the number of hosts.

    Attributes:
        fixed: the cost before the first host
        each: the cost per host
        determination: r squared; 1 for a perfect fit
    """

    fixed: float
    each: float
    determination: float


def fit(costs: Mapping[int, float]) -> Fit | None:
    """Return the least-squares fit of the costs; None with fewer than three, which prove no line."""
    if len(costs) < 3:
        return None
    sizes, values = list(map(float, costs)), list(costs.values())
    line = linear_regression(sizes, values)
    level = len(set(values)) == 1
    return Fit(line.intercept, line.slope, 1.0 if level else correlation(sizes, values) ** 2)


def nearest_size(costs: Mapping[int, object], wanted: int) -> int:
    """Return the measured size to use for ``wanted``: the largest up to it, or the smallest of all."""
    return max((size for size in costs if size <= wanted), default=min(costs))
