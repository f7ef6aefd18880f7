"""Sites of a test: an inventory of the lab's fleet, and moor's own tasks run against it as runbooks do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nornir.core.filter import F

from moor.engine.findings import Finding
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, Stage, TaskFunction
from moor.sites.site import open_site
from moor.tasks.pki.issue import issue_certificates
from moor_lab.lab import Lab
from tests.harness.sites import Content, write_site

NAME = "registry.moor.test"
GROUPS = {
    "harbor": ("harbor1",),
    "control_plane": ("cp1",),
    "nodes": ("cp1", "node1", "node2", "node3"),
    "workstations": ("ws1",),
}


@dataclass(frozen=True)
class Site:
    """A site of the lab's fleet; ``data`` of all hosts is in ``write``.

    Attributes:
        groups: with their hosts, of which the first of ``harbor`` is the registry's
    """

    lab: Lab
    folder: Path
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: GROUPS)

    def write(self, **data: Any) -> Site:
        """Write the inventory: ``data`` are sections for every host beside the registry's and the CA's."""
        harbor = str(self.lab.machine(self.groups["harbor"][0]).host.address)
        known = {"registry": {"name": NAME, "address": harbor}, "pki": {"passphrase": f"file:{self.folder}/passphrase"}}
        extras = {"key_file": str(self.lab.key), "known_hosts": str(self.lab.known_hosts)}
        files: dict[str, Content] = {
            "config.yaml": {"runner": {"plugin": "threaded", "options": {"num_workers": 8}}},
            "inventory/hosts.yaml": {name: self._host(name) for names in self.groups.values() for name in names},
            "inventory/groups.yaml": {name: {} for name in self.groups},
            "inventory/defaults.yaml": {
                "username": "ops",
                "connection_options": {"shell": {"extras": extras}},
                "data": {**known, **data},
            },
        }
        write_site(self.folder, files, {"passphrase": "correct-horse\n"})
        return self

    def plan(self, task: TaskFunction, *hosts: str) -> dict[str, HostReport]:
        """Plan a task; the CA is there already."""
        return self._run([Stage(task, on=F(name__in=hosts))], hosts, dry_run=True)

    def apply(self, task: TaskFunction, *hosts: str) -> dict[str, HostReport]:
        """Apply a task."""
        return self._run([Stage(task)], hosts)

    def found(self, task: TaskFunction, host: str) -> list[Finding]:
        """List what a task tells of a host that is no resource."""
        report = self._report([Stage(task)], (host,), dry_run=True)
        assert not report.failed, report.hosts[host].error
        return report.findings

    def certify(self) -> None:
        """Make the CA and the registry's certificate where they are missing or do not fit."""
        (report,) = self._run([Stage(issue_certificates)], self.groups["harbor"][:1]).values()
        assert report.error == ""

    def _run(self, stages: list[Stage], hosts: tuple[str, ...], dry_run: bool = False) -> dict[str, HostReport]:
        return self._report(stages, hosts, dry_run).hosts

    def _report(self, stages: list[Stage], hosts: tuple[str, ...], dry_run: bool) -> RunReport:
        report = RunReport("test", "test", {name: HostReport() for name in hosts})
        nr = open_site(self.folder, dry_run).filter(filter_func=lambda host: host.name in hosts)
        try:
            run_runbook(nr.with_processors([Collector(report)]), Runbook("test", "", tuple(stages)))
        finally:
            nr.close_connections()
        return report

    def _host(self, name: str) -> dict[str, Any]:
        groups = [group for group, members in self.groups.items() if name in members]
        return {"hostname": str(self.lab.machine(name).host.address), "groups": groups}


def changed(report: HostReport) -> list[str]:
    """List the resources that differ, or differed, by id; raises AssertionError with the host's own error."""
    assert not report.error, report.error
    return [resource.id for resource in report.resources if resource.status != "ok"]


def diffs(report: HostReport) -> Iterator[str]:
    """Return the difference of every resource that differs."""
    return (resource.diff for resource in report.resources if resource.diff)
