"""Who is measured when, and what is made of several runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contenders.contender import Contender
from bench.contenders.moor import Moor
from bench.contenders.ssh import Ssh
from bench.fleet import light_fleet
from bench.measure import Run
from bench.rounds import figures, turns
from moor_lab.lab import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab(light_fleet(3, 75))


def test_everybody_takes_turns_at_every_size_that_they_can_afford(lab: Lab, tmp_path: Path) -> None:
    both: list[Contender] = [Moor(lab, tmp_path), Ssh(lab, tmp_path, largest=50)]
    found = [(contender.name, size) for contender, size in turns(both, [10, 200])]
    assert found == [("moor", 10), ("raw ssh", 10), ("moor", 200)]


def test_large_sizes_take_part_in_the_first_rounds(lab: Lab, tmp_path: Path) -> None:
    sizes = [[size for _, size in turns([Moor(lab, tmp_path)], [200, 1000], number)] for number in range(4)]
    assert sizes == [[200, 1000], [200, 1000], [200], [200]]


def test_one_slow_run_of_three_does_not_count() -> None:
    runs = [Run(0, "", "", cpu_s, cpu_s * 2, 50) for cpu_s in (1.0, 9.0, 1.2)]
    assert figures(runs).cpu_s == 1.2
    assert figures(runs).wall_s == 2.4
    assert figures(runs).runs == 3
