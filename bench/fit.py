"""The arithmetic of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import correlation, linear_regression


@dataclass(frozen=True)
class Fit:
    """A straight line through a cost over the number of hosts: what the first costs, and every further one.

    Attributes:
        determination: 1 where the line says all
    """

    fixed: float
    each: float
    determination: float


def fit(costs: Mapping[int, float]) -> Fit | None:
    """Return the line through the costs by least squares; None where fewer than three are no proof of one."""
    if len(costs) < 3:
        return None
    sizes, values = list(map(float, costs)), list(costs.values())
    line = linear_regression(sizes, values)
    level = len(set(values)) == 1
    return Fit(line.intercept, line.slope, 1.0 if level else correlation(sizes, values) ** 2)


def nearest_size(costs: Mapping[int, object], wanted: int) -> int:
    """Return the measured size that stands for ``wanted``: the largest up to it, or the smallest of all."""
    return max((size for size in costs if size <= wanted), default=min(costs))
