"""What a run's page says of its figures, and which aims count as reached."""

from __future__ import annotations

from dataclasses import replace

from bench.alone import Pair
from bench.page import page, table
from bench.results import Aim, Results, aims
from bench.rounds import Figures


def cost(cpu_s: float, wall_s: float = 1.0, peak_mb: float = 50.0) -> Figures:
    return Figures(cpu_s, wall_s, peak_mb, 3)


RESULTS = Results(
    machine="2 CPUs",
    rounds=3,
    took_s=600,
    versions={"moor": "moor 1", "raw ssh": "OpenSSH 9"},
    table={
        "moor": {size: cost(0.2 + size * 0.006) for size in (10, 50, 200, 1000)},
        "raw ssh": {10: cost(0.16), 50: cost(0.8), 200: cost(3.2)},
        "ansible, 8 tasks": {10: cost(7.0), 50: cost(35.0)},
    },
    start=cost(0.15),
    libraries={"moor": cost(0.4)},
    library_ms={"moor": (3.0, 0.5)},
    warm_ms={"moor": 2.5},
    applied=Pair(cost(1.0), cost(1.4), 200),
    linked=Pair(cost(2.0, 6.0), cost(3.0, 7.0, 70.0), 700),
    uploaded=Pair(cost(2.0, 4.0), cost(3.0, 5.0, 70.0), 700),
)


def found(results: Results, what: str) -> Aim:
    return next(aim for aim in aims(results) if aim.what.startswith(what))


def test_tools_are_compared_by_their_cost_a_host() -> None:
    assert round(found(RESULTS, "moor: CPU of a check").found, 3) == round(7 / 16, 3)
    assert round(found(RESULTS, "moor: times less CPU than ansible").found) == 100


def test_an_aim_is_reached_from_the_right_side() -> None:
    assert Aim("", "at most", 1.5, 1.4).reached
    assert not Aim("", "at most", 1.5, 1.6).reached
    assert Aim("", "at least", 70, 71).reached
    assert not Aim("", "at least", 70, 69).reached


def test_what_took_no_part_is_not_judged() -> None:
    whats = [aim.what for aim in aims(RESULTS)]
    assert not [what for what in whats if "pyinfra" in what or "libssh" in what]


def test_an_aim_that_was_missed_says_so_on_the_page() -> None:
    slow = replace(RESULTS, applied=Pair(cost(1.0), cost(1.9), 200))
    assert "changes 3 files: CPU, to a check's | at most 1.5 | 1.4 | yes |" in page(RESULTS)
    assert "changes 3 files: CPU, to a check's | at most 1.5 | 1.9 | **no** |" in page(slow)


def test_the_page_says_what_a_run_costs_before_its_first_host() -> None:
    assert "| moor | 0.20 | 6.00 | 1.0000 |" in page(RESULTS)
    words = " ".join(page(RESULTS).split())
    assert "moor: of 7.0 ms a host at 200 hosts, 1.0 are the start" in words
    assert "takes 2.0, a login by its library of SSH alone 3.0, an empty command 0.5: 5.5 ms a host" in words


def test_a_size_that_somebody_was_not_measured_at_is_a_dash() -> None:
    written = table(RESULTS.table, lambda _, figures: f"{figures.cpu_s:g}")
    assert "| ansible, 8 tasks | 7 | 35 | - | - |" in written
