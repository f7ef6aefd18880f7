"""A Harbor that does not answer: a plan shows what an apply would make, a drift check reports it as not examined."""

from __future__ import annotations

import ssl
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.harbor import Harbor, HarborPlugin
from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage
from moor.tasks.images.push import ImageResource
from moor.tasks.images.settings import ImageSource
from moor.tasks.registry.project.policy import ProjectPolicy
from moor.tasks.registry.project.project import ProjectThing
from moor.tasks.registry.robot_secret import RobotSecret
from moor.tasks.registry.robots import RobotResource
from tests.harness.hosts import MakeFleet


def wanted(host: Host) -> list[Resource]:
    folder = Path(host["folder"])
    (folder / "Dockerfile").touch()
    return [
        ProjectThing("demo", ProjectPolicy()),
        RobotResource("demo", "puller", ("pull",), -1, RobotSecret(folder / "secret")),
        ImageResource("demo/web:1.0", "registry.moor.test/demo/web:1.0", ImageSource(context=folder), "pusher"),
    ]


def hold_all(task: Task) -> Result:
    return converge(task, wanted)


def played(fleet: MakeFleet, examining: bool) -> HostReport:
    nr = fleet(dry_run=True).filter(name="alpha")
    silent = HarborPlugin()
    silent.connection = Harbor("registry.moor.test", "127.0.0.1", 9, ("admin", "none"), ssl.create_default_context())
    nr.inventory.hosts["alpha"].connections["harbor"] = silent
    report = RunReport("run", "registry", {"alpha": HostReport()})
    run_runbook(
        nr.with_processors([Collector(report)]), Runbook("registry", "", (Stage(hold_all),), independent=examining)
    )
    nr.close_connections(on_failed=True)
    return report.hosts["alpha"]


def test_a_plan_shows_what_an_apply_would_make(fleet: MakeFleet) -> None:
    report = played(fleet, examining=False)
    assert [resource.status for resource in report.resources] == ["drift"] * 3
    assert not report.unexamined


def test_a_drift_check_reports_harbors_resources_as_not_examined(fleet: MakeFleet) -> None:
    report = played(fleet, examining=True)
    assert not report.resources
    assert len(report.unexamined) == 1
    assert "https://registry.moor.test: no answer: " in report.unexamined[0]
