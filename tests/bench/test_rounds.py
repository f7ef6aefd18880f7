"""Who is measured when, and what is made of several runs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.contenders.contender import Contender
from bench.contenders.moor import Moor
from bench.contenders.ssh import Ssh, wanted
from bench.fleet import light_fleet
from bench.measure import Client, Command, Run
from bench.reach import Reach, direct
from bench.rounds import Failures, figures, measured, turns
from moor_lab.lab import Lab


@pytest.fixture
def reach() -> Reach:
    return direct(Lab(light_fleet(3, 75)))


def test_everybody_takes_turns_at_every_size_that_they_can_afford(reach: Reach, tmp_path: Path) -> None:
    both: list[Contender] = [Moor(reach, tmp_path), Ssh(reach, tmp_path, largest=50)]
    found = [(contender.name, size) for contender, size in turns(both, [10, 200])]
    assert found == [("moor", 10), ("raw ssh", 10), ("moor", 200)]


def test_large_sizes_take_part_in_the_first_round(reach: Reach, tmp_path: Path) -> None:
    sizes = [[size for _, size in turns([Moor(reach, tmp_path)], [200, 1000], number)] for number in range(4)]
    assert sizes == [[200, 1000], [200], [200], [200]]


def test_a_dear_tool_takes_part_in_its_first_rounds_only(reach: Reach, tmp_path: Path) -> None:
    both: list[Contender] = [Moor(reach, tmp_path), Ssh(reach, tmp_path, rounds=1)]
    names = [[contender.name for contender, _ in turns(both, [10], number)] for number in range(2)]
    assert names == [["moor", "raw ssh"], ["moor"]]


class Fragile(Ssh):
    """Right on one host, and no answer from more."""

    def command(self, hosts: Sequence[str]) -> Command:
        said = f"{hosts[0]} {wanted()}" if len(hosts) == 1 else ""
        return Command(("echo", said), self.place)


class Uncounted(Client):
    """Runs commands without a control group."""

    def run(self, command: Command) -> Run:
        done = subprocess.run(command.argv, capture_output=True, text=True, check=True)
        return Run(done.returncode, done.stdout, done.stderr, 0.5, 1.0, 10)


def test_a_measurement_that_fails_stops_no_other(reach: Reach, tmp_path: Path) -> None:
    failures = Failures()
    table = measured(Uncounted("none"), [Fragile(reach, tmp_path)], [2, 1], 3, ["h0001", "h0002"], failures)
    assert {size: found.runs for size, found in table["raw ssh"].items()} == {1: 3}
    assert len(failures.found) == 1  # tried once, and not in each round
    assert failures.found[0].startswith("raw ssh, 2 hosts: ")


def test_one_slow_run_of_three_does_not_count() -> None:
    runs = [Run(0, "", "", cpu_s, cpu_s * 2, 50) for cpu_s in (1.0, 9.0, 1.2)]
    assert figures(runs).cpu_s == 1.2
    assert figures(runs).wall_s == 2.4
    assert figures(runs).runs == 3
