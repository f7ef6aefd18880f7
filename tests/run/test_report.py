"""The report of a run: hosts share what is as it should be, and each has its own of what is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.engine.findings import Expiry, Finding
from moor.engine.results import FindingResult, ResourceResult
from moor.resources.base import Probed
from moor.resources.requirement import Requirement
from moor.run.report import Collector, HostReport, RunReport, open_findings
from moor.run.waivers import Waiver, apply_waivers
from tests.harness.hosts import NAMES, MakeFleet

RIGHT = Requirement("right", "echo yes", lambda output: "")
ODD = "beta"


def odd(task: Task) -> Result:
    """Look at two things, of which one is wrong on one host."""
    task.results.append(ResourceResult.of_right(task.host, "file:/right"))
    if task.host.name == ODD:
        task.results.append(ResourceResult(task.host, "file:/odd", "drift", f"content: {task.host.name}", ""))
    else:
        task.results.append(ResourceResult(task.host, "file:/odd", "ok", "", ""))
    return Result(task.host)


def reported(nr: Nornir) -> RunReport:
    """Return the report of a run of the task on every host."""
    report = RunReport("20261128-080000-0001", "odd", {name: HostReport() for name in nr.inventory.hosts})
    nr.with_processors([Collector(report)]).run(task=odd)
    return report


def test_hosts_share_the_report_of_what_is_right_and_each_has_its_own_drift(fleet: MakeFleet) -> None:
    report = reported(fleet(dry_run=True))
    states = {
        name: [(one.id, one.status, one.diff, one.stage) for one in host.resources]
        for name, host in report.hosts.items()
    }
    right = [("file:/right", "ok", "", "odd"), ("file:/odd", "ok", "", "odd")]
    drifted = [right[0], ("file:/odd", "drift", "content: beta", "odd")]
    assert states == {name: drifted if name == ODD else right for name in NAMES}
    assert len({id(host.resources[0]) for host in report.hosts.values()}) == 1
    assert json.loads(report.json())["hosts"]["alpha"]["resources"][0]["id"] == "file:/right"


def test_what_is_noted_of_one_host_s_drift_is_noted_of_no_other(fleet: MakeFleet) -> None:
    report = reported(fleet(dry_run=True))
    apply_waivers(report, [Waiver(host="*", id="file:*", reason="known", owner="me", until=date(2999, 1, 1))])
    assert [(finding.host, bool(finding.waived)) for finding in open_findings(report)] == [(ODD, True)]
    assert [one.waived for host in report.hosts.values() for one in host.resources if one.status == "ok"] == [""] * 5


def test_a_finding_that_every_host_reports_is_there_once_and_a_host_s_own_stays(fleet: MakeFleet) -> None:
    def find(task: Task) -> Result:
        shared, own = Finding("clock:fleet", "late"), Finding("disk:full", "full", host=task.host.name)
        expiry = Expiry("clock:fleet", "2026-12-01T00:00:00+00:00", "a certificate")
        task.results.extend(FindingResult(task.host, one) for one in (shared, own, expiry, own))
        return Result(task.host)

    nr = fleet(dry_run=True)
    report = RunReport("20261128-080000-0001", "odd", {})
    nr.with_processors([Collector(report)]).run(task=find)
    assert sorted((one.id, one.host) for one in report.findings) == [
        ("clock:fleet", ""),
        *(("disk:full", name) for name in sorted(NAMES)),
    ]
    assert [one.id for one in report.expiries] == ["clock:fleet"]


def test_a_result_made_quickly_is_the_result_made_in_full(fleet: MakeFleet) -> None:
    host = fleet(dry_run=True).inventory.hosts["alpha"]
    quick, full = ResourceResult.of_right(host, "file:/a"), ResourceResult(host, "file:/a", "ok", "", "")
    assert vars(quick) == vars(full)
    assert quick.is_right
    assert not ResourceResult(host, "file:/a", "ok", "one line", "").is_right
    assert not ResourceResult(host, "file:/a", "failed", "", "why").is_right


def test_every_host_has_a_sub_result_of_its_own_for_every_resource(fleet: MakeFleet) -> None:
    resources: Sequence[Probed] = [RIGHT]
    results = fleet(dry_run=True).run(task=lambda task: converge(task, resources), name="look")
    named = {name: [(str(sub.name), sub.host) for sub in result[1:]] for name, result in results.items()}
    assert named == {name: [("requirement:right", results[name].host)] for name in NAMES}
    assert {name: result.host.name for name, result in results.items()} == {name: name for name in NAMES}
