"""Making a saved plan of a run: the fingerprints that its tasks return, and its report."""

from __future__ import annotations

import threading

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.context import site_of
from moor.engine.fingerprints import ChangeFingerprint
from moor.engine.results import ResourceResult
from moor.plans.saved import PlanScope, SavedPlan, group_changes, planned_hosts
from moor.processors import QuietProcessor
from moor.run.report import RunReport
from moor.version import moor_version


class FingerprintCollector(QuietProcessor):
    """A Nornir processor that keeps the fingerprint of each change of a plan."""

    def __init__(self) -> None:
        self.prints: dict[tuple[str, str, str], ChangeFingerprint] = {}
        self._lock = threading.Lock()

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Keep the fingerprints of a task's resources on one host."""
        found = [sub for sub in result[1:] if isinstance(sub, ResourceResult) and sub.print]
        with self._lock:
            self.prints |= {(host.name, task.name, str(sub.name)): sub.print for sub in found if sub.print}


def plan_of(nr: Nornir, report: RunReport, collector: FingerprintCollector, scope: PlanScope) -> SavedPlan:
    """Return the plan that a run has made.

    Args:
        nr: the hosts.
        report: of the run, a dry run.
        collector: took part in the run.
        scope: what the run was for.
    """
    return SavedPlan(
        plan=report.run,
        moor=moor_version(),
        made=report.started,
        site=site_of(nr).directory.name,
        scope=scope,
        hosts=planned_hosts(report, {name: address_of(host) for name, host in nr.inventory.hosts.items()}),
        changes=group_changes(report, collector.prints),
        findings=tuple(report.findings),
        warnings=tuple(report.warnings),
    )


def address_of(host: Host) -> str:
    """Return where moor reaches a host, so that another host of the same name is not taken for it."""
    return f"{host.hostname or host.name}{f':{host.port}' if host.port else ''}"
