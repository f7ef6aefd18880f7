"""What a drift check asks, whom it asks in spite of a failure, and how far a mend of it goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.choice import Choice
from moor.cli.commands.drift import drift_exit_code, hosts_to_mend
from moor.context import change_context
from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.errors import HostError
from moor.output.text import drift
from moor.resources.base import Resource
from moor.resources.file import Directory, File
from moor.resources.requirement import Requirement
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage
from moor.run.selection import all_stages, find_runbook
from moor.settings.modules import SHIPPED
from tests.harness.hosts import NAMES, MakeFleet
from tests.harness.shells import me
from tests.history.reports import a_run


def desired(host: Host) -> list[Resource]:
    place = Path(host["folder"])
    return [Directory(f"{place}/made", owner=me(place)), File(f"{place}/made/one", "one\n", owner=me(place))]


def hold_both(task: Task) -> Result:
    return converge(task, desired(task.host))


def fail_on_beta(task: Task) -> Result:
    if task.host.name == "beta":
        raise HostError("beta does not say")
    return Result(host=task.host)


def play(fleet: MakeFleet, *stages: Stage, kinds: tuple[str, ...] = (), dry_run: bool = True) -> RunReport:
    report = RunReport("run", "drift", {name: HostReport() for name in NAMES}, command="drift")
    nr = fleet(dry_run=dry_run).with_processors([Collector(report)])
    if kinds:
        change_context(nr, choice=Choice(kinds))
    report.skip(run_runbook(nr, Runbook("drift", "", stages, independent=dry_run)))
    return report


def refuse(task: Task) -> Result:
    return converge(task, [Requirement("thing", "echo bad", lambda output: f"it is {output.strip()}; mend it")])


def refuse_too(task: Task) -> Result:
    return refuse(task)


def test_a_requirement_that_two_tasks_of_a_host_have_is_one_finding(fleet: MakeFleet) -> None:
    report = play(fleet, Stage(refuse), Stage(refuse_too))
    assert [len(host.resources) for host in report.hosts.values()] == [1] * len(NAMES)
    assert f"[{' '.join(NAMES)}]" in drift(report)
    assert f"drift: {len(NAMES)} findings" in drift(report)


def test_it_holds_every_stage_of_the_site_once_and_none_waits_for_another() -> None:
    book = all_stages(SHIPPED)
    tasks = [stage.task.__name__ for stage in book.stages]
    assert len(tasks) == len(set(tasks))
    assert {stage.task.__name__ for stage in find_runbook(SHIPPED, "site").stages} <= set(tasks)
    assert {stage.needs for stage in book.stages} == {""}
    assert not {"prove_node", "diagnose_node"} & set(tasks)


def test_a_mend_keeps_order_batches_and_needs_and_leaves_out_what_only_looks() -> None:
    names = find_runbook(SHIPPED, "names")
    assert [stage.name for stage in names.stages] == ["serve_names", "write_records", "write_hosts"]
    assert all_stages(SHIPPED, independent=False).stages == find_runbook(SHIPPED, "site").stages


def test_a_host_that_says_nothing_to_one_question_is_asked_the_next_and_is_not_clean(fleet: MakeFleet) -> None:
    report = play(fleet, Stage(fail_on_beta), Stage(hold_both))
    assert report.hosts["beta"].unexamined == ["beta does not say"]
    assert [resource.status for resource in report.hosts["beta"].resources] == ["drift", "drift"]
    assert (drift_exit_code(report), report.answered) == (1, ["read", "hold_both"])


def test_only_what_is_allowed_is_mended_and_the_rest_is_no_longer_told_as_right(
    fleet: MakeFleet, tmp_path: Path
) -> None:
    report = play(fleet, Stage(hold_both), kinds=("directory",), dry_run=False)
    assert {tuple(one.status for one in host.resources) for host in report.hosts.values()} == {("changed", "skipped")}
    assert list((tmp_path / "alpha" / "made").iterdir()) == []


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (a_run({"node1": {"file:/a": "ok"}}), 0),
        (a_run({"node1": {"file:/a": "drift"}}), 2),
        (a_run({"node1": {"requirement:x": "failed"}}), 2),
        (a_run({"node1": {}}, findings=(Finding("node:x", "it joined"),)), 2),
        (a_run({"node1": {"file:/a": "drift"}}, unexamined=("node2",)), 1),
        (a_run({"node1": {"file:/a": "ok"}}, unexamined=("node1",)), 1),
    ],
)
def test_the_exit_code_never_reads_as_better_than_the_worst(report: RunReport, code: int) -> None:
    assert drift_exit_code(report) == code


def test_a_host_is_mended_only_if_it_was_examined_whole_and_the_drift_is_allowed_and_nobodys_waiver() -> None:
    report = a_run(
        {"a": {"file:/x": "drift"}, "b": {"service:x": "drift"}, "c": {"file:/x": "failed"}, "d": {"file:/x": "drift"},
         "e": {"file:/x": "drift", "file:/y": "drift"}},
        unexamined=("d",),
    )  # fmt: skip
    report.hosts["a"].resources[0].waived = "known"
    assert hosts_to_mend(report, ("file",)) == ["e"]
    assert hosts_to_mend(report, ("file", "service")) == ["b", "e"]
