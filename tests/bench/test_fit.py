"""The line through a cost over the number of hosts, and the size that stands for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fit import fit, nearest_size

COSTS = st.integers(0, 1_000_000).map(lambda cost: cost / 100)


@given(COSTS, COSTS, st.lists(st.integers(1, 1000), min_size=3, unique=True))
def test_a_cost_that_is_a_line_is_found_as_it_was_drawn(fixed: float, each: float, sizes: list[int]) -> None:
    line = fit({size: fixed + each * size for size in sizes})
    assert line is not None
    assert line.each == pytest.approx(each, rel=1e-6, abs=1e-6)
    assert line.fixed == pytest.approx(fixed, rel=1e-6, abs=1e-2)


def test_a_cost_that_grows_with_the_square_is_no_line() -> None:
    bent = fit({size: float(size**2) for size in (10, 50, 200, 500, 1000)})
    assert bent is not None
    assert bent.determination < 0.96


def test_two_sizes_prove_no_line() -> None:
    assert fit({10: 1.0, 50: 5.0}) is None


@pytest.mark.parametrize(("sizes", "stands"), [([10, 50, 200, 1000], 200), ([10, 50], 50), ([500, 1000], 500)])
def test_the_nearest_size_below_stands_for_one_that_was_not_measured(sizes: list[int], stands: int) -> None:
    assert nearest_size(dict.fromkeys(sizes), 200) == stands
