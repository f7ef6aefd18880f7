"""Runbooks: order, groups, batches, and who is skipped after whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import change_context
from moor.engine.converge import converge
from moor.errors import HostError
from moor.output.text import applied, plan
from moor.resources.base import Later, Resource
from moor.resources.file import File
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import ONE_BY_ONE, Rolling, Runbook, Stage, members
from tests.harness.hosts import NAMES, MakeFleet, counted
from tests.harness.shells import me
from tests.run.another_task import write_another


def desired(host: Host) -> list[Resource]:
    return [File(f"{host['folder']}/one", f"of {host.name}\n", owner=me(Path(host["folder"])))]


def write_one(task: Task) -> Result:
    return converge(task, desired(task.host))


def fail_on_beta(task: Task) -> Result:
    if task.host.name == "beta":
        raise HostError("beta is sick")
    return Result(host=task.host)


def note_turn(task: Task) -> Result:
    with Path(task.host["folder"]).parent.joinpath("turns").open("a") as file:
        file.write(f"{task.host.name}\n")
    if task.host.name == "beta":
        raise HostError("it did not come up")
    return Result(host=task.host)


def play(fleet: MakeFleet, *stages: Stage, dry_run: bool = False) -> RunReport:
    report = RunReport("run", "test", {name: HostReport() for name in NAMES})
    nr = fleet(dry_run=dry_run).with_processors([Collector(report)])
    report.skip(run_runbook(nr, Runbook("test", "", stages)))
    return report


def test_plan_apply_plan(fleet: MakeFleet, tmp_path: Path) -> None:
    planned = play(fleet, Stage(write_one), dry_run=True)
    assert (planned.differs, planned.failed) == (True, False)
    assert "plan: 3 changes on 3 hosts; 0 as they should be" in plan(planned)
    done = play(fleet, Stage(write_one))
    assert "apply: 3 changed, 0 failed, 0 skipped on 3 hosts" in applied(done)
    assert (tmp_path / "gamma" / "one").read_text() == "of gamma\n"
    again = play(fleet, Stage(write_one), dry_run=True)
    assert (again.differs, again.failed) == (False, False)
    assert plan(again) == "plan: no changes; 3 as they should be"


def test_all_stages_of_a_host_are_read_in_one_round_trip(
    fleet: MakeFleet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(fleet, Stage(write_one))
    scripts = counted(monkeypatch)
    play(fleet, Stage(write_one), Stage(write_one, on=members("all")), dry_run=True)
    assert len(scripts) == len(NAMES)


def test_two_tasks_that_declare_one_file_with_different_content_are_both_named(fleet: MakeFleet) -> None:
    report = play(fleet, Stage(write_one), Stage(write_another), dry_run=True)
    assert report.hosts["alpha"].error.endswith(
        "/alpha/one: declared twice with different content, by tests.run.test_runbook.write_one "
        "and by tests.run.another_task.write_another; leave it to one of them"
    )


def test_a_host_that_failed_is_skipped_from_then_on_and_the_others_go_on(
    fleet: MakeFleet,
    tmp_path: Path,
) -> None:
    report = play(fleet, Stage(fail_on_beta), Stage(write_one))
    assert report.hosts["beta"].error == "beta is sick"
    assert [name for name in NAMES if (tmp_path / name / "one").exists()] == ["alpha", "gamma"]


def test_a_stage_that_needs_a_group_is_skipped_for_everybody_once_one_of_it_failed(
    fleet: MakeFleet,
    tmp_path: Path,
) -> None:
    report = play(fleet, Stage(fail_on_beta), Stage(write_one, needs="all"))
    assert report.hosts["alpha"].error == "skipped at write_one: beta failed"
    assert not (tmp_path / "alpha" / "one").exists()
    assert "apply: nothing was changed; 0 as they should be; 1 of 3 hosts failed, 2 skipped\n" in applied(report)


def test_one_hosts_trouble_hides_no_other_hosts_plan(fleet: MakeFleet) -> None:
    """Such as a full disk on the registry's host, which everything behind it needs."""
    report = play(fleet, Stage(fail_on_beta), Stage(write_one, needs="all"), dry_run=True)
    assert [[one.status for one in host.resources] for host in report.hosts.values()] == [["drift"], [], ["drift"]]
    assert (report.hosts["alpha"].error, report.hosts["beta"].error) == ("", "beta is sick")
    words = plan(report)
    assert "  - an apply would skip write_one, since beta failed\n" in words
    assert words.endswith("plan: 2 changes on 2 hosts; 0 as they should be; 1 of 3 hosts failed")


def test_a_plan_that_could_not_be_made_does_not_read_as_no_changes(fleet: MakeFleet) -> None:
    report = play(fleet, Stage(fail_on_beta), dry_run=True)
    words = "plan: incomplete, nothing to do on the other 2 hosts; 0 as they should be; 1 of 3 hosts failed"
    assert plan(report).endswith(words)
    for host in report.hosts.values():
        host.error = "not reached"
    assert plan(report).endswith("plan: nothing could be planned; 0 as they should be; 3 of 3 hosts failed")


def wait_for_other(task: Task) -> Result:
    folder = task.host["folder"]
    return converge(task, [File(f"{folder}/first", "1"), File(f"{folder}/ca", Later("the CA's certificate"))])


def test_what_another_host_has_not_made_is_told_before_anything_is_changed(fleet: MakeFleet, tmp_path: Path) -> None:
    assert play(fleet, Stage(wait_for_other), dry_run=True).failed is False
    error = play(fleet, Stage(wait_for_other)).hosts["alpha"].error
    assert error.endswith(
        "ca: the CA's certificate: not made yet; it is made on another host, which failed or which --limit leaves out; "
        "run moor apply with that host"
    )
    assert not (tmp_path / "alpha/first").exists()


def test_a_rolling_stage_stops_at_the_first_sick_host(fleet: MakeFleet, tmp_path: Path) -> None:
    report = play(fleet, Stage(note_turn, rolling=ONE_BY_ONE), Stage(write_one))
    assert (tmp_path / "turns").read_text() == "alpha\nbeta\n"
    assert report.hosts["gamma"].error == "skipped at note_turn: stopped: beta failed"
    assert [name for name in NAMES if (tmp_path / name / "one").exists()] == ["alpha"]


def test_a_rolling_stage_goes_on_as_long_as_few_enough_fail(fleet: MakeFleet, tmp_path: Path) -> None:
    report = play(fleet, Stage(note_turn, rolling=Rolling(batch=1, max_failures=1)))
    assert (tmp_path / "turns").read_text() == "alpha\nbeta\ngamma\n"
    assert [name for name, host in report.hosts.items() if host.error] == ["beta"]


def test_a_host_that_is_not_well_after_its_turn_stops_the_stage(fleet: MakeFleet, tmp_path: Path) -> None:
    report = play(fleet, Stage(write_one, rolling=Rolling(batch=1, health=fail_on_beta)))
    assert report.hosts["beta"].error == "beta is sick"
    assert report.hosts["gamma"].error == "skipped at write_one: stopped: beta failed"
    assert [name for name in NAMES if (tmp_path / name / "one").exists()] == ["alpha", "beta"]


def test_a_plan_does_not_roll(fleet: MakeFleet, tmp_path: Path) -> None:
    play(fleet, Stage(note_turn, rolling=ONE_BY_ONE), dry_run=True)
    assert (tmp_path / "turns").read_text().split() == ["alpha", "beta", "gamma"]


def test_there_is_a_pause_between_batches_and_none_before_the_first(
    fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("moor.run.rolling.turns.time.sleep", pauses.append)
    play(fleet, Stage(write_one, rolling=Rolling(batch=1, pause_s=5)))
    assert pauses == [5, 5]


def test_a_programmers_error_is_one_line_and_no_traceback(fleet: MakeFleet) -> None:
    def divide(task: Task) -> Result:
        return Result(host=task.host, result=1 / 0)

    report = play(fleet, Stage(divide))
    assert report.hosts["alpha"].error == "internal error: ZeroDivisionError: division by zero (-v shows where)"


@pytest.mark.parametrize(("kept", "left"), [(False, []), (True, list(NAMES))])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_host_s_connection_is_closed_by_the_end_of_its_last_task_unless_it_is_kept(
    fleet: MakeFleet, dry_run: bool, kept: bool, left: list[str]
) -> None:
    nr = fleet(dry_run=dry_run)
    if kept:
        change_context(nr, keep_connections=True)
    run_runbook(nr, Runbook("test", "", (Stage(write_one),)))
    assert [name for name, host in nr.inventory.hosts.items() if "shell" in host.connections] == left
    nr.close_connections()
