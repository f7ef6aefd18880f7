"""Runs of tasks on a host whose cluster is the stand-in, served over TLS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.processor import Processors
from nornir.core.task import MultiResult, Result, Task

from moor.connections.apis.kubernetes import KubernetesPlugin
from moor.engine.converge import converge
from moor.engine.observation import begin_observation
from moor.engine.results import FindingResult, ResourceResult
from moor.resources.base import Resource


class ClusterRun:
    """The result of a run."""

    def __init__(self, results: MultiResult) -> None:
        self.error = str(results[0].exception or "")
        self.status = {str(sub.name): sub.status for sub in results[1:] if isinstance(sub, ResourceResult)}
        self.diff = {str(sub.name): sub.diff for sub in results[1:] if isinstance(sub, ResourceResult)}
        self.found = [sub.found.what for sub in results[1:] if isinstance(sub, FindingResult)]

    @property
    def planned(self) -> list[str]:
        return [name for name, status in self.status.items() if status == "drift"]


def run(
    kubeconfig: Path, resources: Sequence[Resource], *, plan: bool = False, timeout_s: float | None = None
) -> ClusterRun:
    """Plan or apply resources of a cluster.

    Args:
        timeout_s: of one request
    """
    plugin = KubernetesPlugin()
    plugin.open("cp1", None, None, None, None, {"kubeconfig": str(kubeconfig), "timeout_s": timeout_s}, Config())
    host = Host("cp1")
    host.connections["kubernetes"] = plugin
    begin_observation(host)

    def work(task: Task, **_: Any) -> Result:
        return converge(task, resources)

    nr = Nornir(Inventory(Hosts({"cp1": host}), Groups(), Defaults()))
    task = Task(work, nr, global_dry_run=plan, processors=Processors(), name="deploy")
    try:
        return ClusterRun(task.start(host))
    finally:
        plugin.close()
