"""Who is measured when, and what is made of several runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import numbers
from bench.contenders.contender import Contender
from bench.contenders.moor import Moor
from bench.contenders.ssh import Ssh
from bench.fleet import light_fleet
from bench.measure import Run
from bench.rounds import figures, turns
from lab.lab import Lab
from moor.errors import InputError


@pytest.fixture
def lab() -> Lab:
    return Lab(light_fleet(3))


def names(contenders: list[Contender], sizes: list[int], number: int) -> list[tuple[str, int]]:
    return [(contender.name, size) for contender, size in turns(contenders, sizes, number)]


def test_everybody_takes_turns_at_every_size_that_they_can_afford(lab: Lab, tmp_path: Path) -> None:
    both: list[Contender] = [Moor(lab, tmp_path), Ssh(lab, tmp_path, largest=50, rounds=1)]
    assert names(both, [10, 200], 0) == [("moor", 10), ("raw ssh", 10), ("moor", 200)]
    assert names(both, [10, 200], 1) == [("moor", 10), ("moor", 200)]


def test_one_slow_run_of_three_does_not_count() -> None:
    runs = [Run(0, "", "", cpu_s, cpu_s * 2, 50) for cpu_s in (1.0, 9.0, 1.2)]
    assert figures(runs).cpu_s == 1.2
    assert figures(runs).wall_s == 2.4
    assert figures(runs).runs == 3


def test_sizes_are_read_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SIZES", "50, 10")
    assert numbers("BENCH_SIZES", "1") == [10, 50]


@pytest.mark.parametrize("words", ["ten", "10,,50", "0", "-3", ""])
def test_sizes_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("BENCH_SIZES", words)
    with pytest.raises(InputError, match="BENCH_SIZES: numbers"):
        numbers("BENCH_SIZES", "10,50")
