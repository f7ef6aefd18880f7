"""What is read on the registry's host: its disk by the real df, and restarts by what docker prints."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moor.engine.findings import Finding
from moor.engine.measurements import Counted
from moor.tasks.watched.disk import DataDisk, disk_of_host
from moor.tasks.watched.restarts import ComponentStarts, find_loops
from moor.tasks.watched.settings import Watch
from tests.harness.shells import SHELLS, sh, text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_disk_is_the_one_that_holds_the_directory(shell: str, tmp_path: Path) -> None:
    place = tmp_path / "it's data"
    place.mkdir()
    disk = DataDisk(str(place))
    state = disk.actual(text(sh(shell, disk.probe()).stdout))
    (measured,) = disk_of_host(disk.path, state, "harbor1", Watch())
    space = os.statvfs(place)
    used, free = (space.f_blocks - space.f_bfree) * space.f_frsize, space.f_bavail * space.f_frsize
    # other programs write meanwhile
    assert measured.value == pytest.approx(used, rel=0.05, abs=1 << 28)
    assert measured.size == pytest.approx(used + free, rel=0.01)
    assert (measured.id, measured.host, measured.percent) == (f"disk:{place}", "harbor1", 90)


def test_a_directory_that_is_not_there_yet_has_no_disk(tmp_path: Path) -> None:
    disk = DataDisk(f"{tmp_path}/none")
    state = disk.actual(text(sh("dash", disk.probe()).stdout))
    assert list(disk_of_host(disk.path, state, "harbor1", Watch())) == []


STARTS = ComponentStarts("/opt/harbor")
OLD, NEW = "2026-11-28T08:00:00.123456789Z", "2026-11-28T11:59:30.5Z"


def loops(*lines: str) -> list[str]:
    state = STARTS.actual("\n".join(["2026-11-28T12:00:00Z", *lines]) + "\n")
    return [one.id for one in find_loops(state, "harbor1") if isinstance(one, Finding)]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((f"log 0 running 0 {OLD}", f"core 0 running 0 {OLD}"), []),
        ((f"log 0 running 0 {OLD}", f"core 12 running 0 {OLD}"), []),  # long ago
        ((f"log 0 running 0 {OLD}", f"core 12 running 1 {NEW}"), []),  # a single death after a slow start of Harbor
        ((f"log 0 running 0 {OLD}", f"core 12 restarting 1 {OLD}"), ["restarts:core"]),
        ((f"log 0 running 0 {OLD}", f"core 2 running 1 {NEW}"), []),
        # Harbor was just started: what waits for another component restarts meanwhile
        ((f"log 0 running 0 {NEW}", f"jobservice 7 restarting 2 {NEW}"), []),
    ],
)
def test_a_component_that_restarts_again_and_again_is_named(lines: tuple[str, ...], found: list[str]) -> None:
    assert loops(*lines) == found


def test_of_the_others_the_counter_is_kept_for_the_next_check() -> None:
    state = STARTS.actual(f"2026-11-28T12:00:00Z\nlog 0 running 0 {OLD}\ncore 3 running 0 {OLD}\n")
    counted = {one.id: one.value for one in find_loops(state, "harbor1") if isinstance(one, Counted)}
    assert counted == {"restarts:log": 0, "restarts:core": 3}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_without_docker_has_no_restarts(shell: str) -> None:
    assert STARTS.actual(text(sh(shell, f"PATH=/nowhere\n{STARTS.probe()}").stdout)) is None
    assert list(find_loops(None, "harbor1")) == []
