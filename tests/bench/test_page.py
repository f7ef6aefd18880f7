"""What a run's page says of its figures, and which aims count as reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.aims import Aim, aims
from bench.alone import Alone, Pair
from bench.configuration.measure import Configured
from bench.distance.measure import Carried, Far
from bench.fit import Fit
from bench.host_cost import HostCost
from bench.large import Large
from bench.page import page
from bench.planned import Planned
from bench.results import Results, Stamp, load, merged, save
from bench.rounds import Figures
from bench.shared import Shared, pays_from
from bench.tables import table
from moor.errors import InputError


def cost(cpu_s: float, wall_s: float = 1.0, peak_mb: float = 50.0) -> Figures:
    return Figures(cpu_s, wall_s, peak_mb, 3)


STAMP = Stamp("2026-11-28 12:00", "2 CPUs", 3, 600)
QUIET, BUSY = Carried(200, 0.2, 0.1, 3), Carried(200, 0.9, 0.1, 3)
RESULTS = Results(
    parts={"sizes": STAMP},
    versions={"moor": "moor 1", "raw ssh": "OpenSSH 9"},
    table={
        "moor": {size: cost(0.2 + size * 0.006) for size in (10, 50, 200, 1000)},
        "raw ssh": {10: cost(0.16), 50: cost(0.8), 200: cost(3.2)},
        "ansible, 8 tasks": {10: cost(7.0), 50: cost(35.0)},
    },
    alone=Alone(
        cost(0.15), {"moor": cost(0.4)}, {"moor": (3.0, 0.5)}, {"moor": 2.5}, cost(0.2), cost(0.3), (150.0, 0.05)
    ),
    applied=Pair(cost(1.0), cost(1.2), 200),
    linked=Pair(cost(2.0, 6.0), cost(3.0, 7.0, 70.0), 700),
    uploaded=Pair(cost(2.0, 4.0), cost(3.0, 5.0, 70.0), 700),
    far=[
        Far(
            40,
            {"moor": {200: cost(1, 11), 1000: cost(1, 50)}, "pyinfra --dry": {200: cost(8, 44)}},
            {200: cost(1, 10), 1000: cost(1, 40)},
            {"moor": {200: QUIET, 1000: BUSY}},
        )
    ],
    large=Large(5000, 1000, cost(20, 200, 150)),
    host={"moor": HostCost(80, 50), "raw ssh": HostCost(60, 30)},
    planned=Planned(2000, 1.9, 150, {"inventory": 1.9}),
    configured=Configured(300, 1806, 5.5, 5.0, 1.4),
    shared=Shared(2, {10: 1.01, 50: 1.05, 200: 1.2}, {10: 0.06, 50: 0.3, 200: 1.2}),
)


def found(results: Results, what: str) -> Aim:
    return next(aim for aim in aims(results) if aim.what.startswith(what))


def test_tools_are_compared_by_their_cost_a_host() -> None:
    assert round(found(RESULTS, "CPU of a check").found, 3) == round(7 / 16, 3)
    assert round(found(RESULTS, "times less CPU than ansible").found) == 100


def test_runs_over_a_distance_are_compared_with_pyinfra_and_with_no_distance() -> None:
    judged = {aim.what: round(aim.found, 2) for aim in aims(RESULTS) if "round trip" in aim.what}
    assert judged == {
        "time at 40 ms of round trip, 200 hosts, to pyinfra's": 0.25,
        "time at 40 ms of round trip, 200 hosts, to its own without distance": 1.1,
        "time at 40 ms of round trip, 1000 hosts, to its own without distance": 1.25,
    }


def test_an_aim_is_reached_from_the_right_side() -> None:
    assert Aim("", "at most", 1.5, 1.4).reached
    assert not Aim("", "at most", 1.5, 1.6).reached
    assert Aim("", "at least", 70, 71).reached
    assert not Aim("", "at least", 70, 69).reached


def test_what_took_no_part_is_not_judged() -> None:
    assert not [aim.what for aim in aims(replace(RESULTS, far=[])) if "pyinfra" in aim.what]
    assert aims(Results()) == []


def test_an_aim_that_was_missed_says_so_on_the_page() -> None:
    slow = replace(RESULTS, applied=Pair(cost(1.0), cost(1.9), 200))
    assert "changes 3 files: CPU, to a check's | at most 1.25 | 1.2 | yes |" in page(RESULTS)
    assert "changes 3 files: CPU, to a check's | at most 1.25 | 1.9 | **no** |" in page(slow)


def test_a_plan_of_a_registrys_configuration_is_compared_with_its_bare_requests() -> None:
    judged = [aim for aim in aims(RESULTS) if "300 projects" in aim.what]
    assert [(round(aim.found, 2), aim.reached) for aim in judged] == [(1.1, True), (6.02, True)]
    assert "| a plan | 5.5 | 1.4 | 1,806 |" in page(RESULTS)


def test_the_page_says_what_a_run_costs_before_its_first_host() -> None:
    assert "| moor | 0.20 | 6.00 | 1.0000 |" in page(RESULTS)
    words = " ".join(page(RESULTS).split())
    assert "moor: of 7.0 ms a host at 200 hosts, 1.0 are the start" in words
    assert "takes 2.0, a login by its library of SSH alone 3.0, an empty command 0.5: 5.5 ms a host" in words


def test_the_page_says_how_many_hosts_one_process_checks_in_a_minute() -> None:
    assert "| within a minute | 9,966 |" in page(RESULTS)  # (60 s - 0.2 s) / 6 ms


def test_the_page_says_from_which_fleet_workers_are_quicker() -> None:
    # one process: 200 ms + 6 ms a host; with workers: 1000 ms + 1 ms a host, and 6 ms shared by them
    alone = Fit(200, 6, 1)
    assert RESULTS.shared is not None
    two, four = (pays_from(alone, RESULTS.shared, workers) for workers in (2, 4))
    assert two == pytest.approx(800 / (6 - 1 - 6 / 2), abs=1)
    assert four == pytest.approx(800 / (6 - 1 - 6 / 4), abs=1)
    assert f"| 4 workers | {four} hosts |" in page(RESULTS)


def test_workers_whose_controller_has_as_much_to_do_are_never_quicker() -> None:
    alone = Fit(200, 6, 1)
    assert pays_from(alone, Shared(2, {1: 1.006, 2: 1.012, 3: 1.018}, {1: 0.1, 2: 0.2, 3: 0.3}), 32) is None
    assert pays_from(alone, Shared(2, {1: 1.0}, {1: 0.1}), 32) is None  # one size is no line


def test_runs_that_the_relay_held_up_are_named() -> None:
    words = " ".join(page(RESULTS).split())
    assert "**The relay held up these runs**: moor at 1000." in words


def test_a_size_that_somebody_was_not_measured_at_is_a_dash() -> None:
    written = table(RESULTS.table, lambda _, figures: f"{figures.cpu_s:g}")
    assert "| ansible, 8 tasks | 7 | 35 | - | - |" in written


def test_a_page_without_results_has_no_section() -> None:
    assert "##" not in page(Results())


def test_words_about_missed_aims_stand_below_them() -> None:
    written = page(RESULTS, "What holds the rest: the key exchange.\n")
    assert written.index("| wanted |") < written.index("What holds the rest") < written.index("## CPU, ms a host")


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    save(RESULTS, tmp_path / "results.json")
    assert load(tmp_path / "results.json") == RESULTS
    assert load(tmp_path / "none.json") == Results()


def test_results_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"table": 3}')
    with pytest.raises(InputError, match="remove it"):
        load(tmp_path / "results.json")


def test_a_part_that_is_measured_again_leaves_the_others() -> None:
    again = merged(RESULTS, "fleet", STAMP, {"large": Large(9, 1, cost(1)), "versions": {"moor": "moor 2"}})
    assert again.large == Large(9, 1, cost(1))
    assert again.table == RESULTS.table
    assert again.versions == {"moor": "moor 2", "raw ssh": "OpenSSH 9"}


def test_a_part_that_fails_keeps_its_former_figures_and_says_so() -> None:
    failed = merged(RESULTS, "sizes", replace(STAMP, failures=["moor, 10 hosts: no answer"]), {"table": {}})
    assert failed.table == RESULTS.table
    assert "These measurements failed:\n\n- moor, 10 hosts: no answer\n" in page(failed)
