"""How a chart's registry is reached: the fleet's own one with its CA and a robot's login."""

from __future__ import annotations

from dataclasses import dataclass

from nornir.core.task import Task

from moor.errors import HarborUnreachable, HostError
from moor.resources.base import Later, Remote, State
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import ca_pem
from moor.tasks.registry.logins import RegistryLogin
from moor.tasks.registry.projects import project_of, refuse_unknown_login, robot_login
from moor.tasks.workload.programs import ChartAccess
from moor.tasks.workload.settings import OCI, Chart
from moor.tasks.workload.sources import Reach


class RegistryNotThere(HostError):
    """A chart cannot be read yet, since an earlier stage of the same run makes what it takes."""


@dataclass(frozen=True)
class PendingCharts(Remote):
    """The charts of a workload that a plan cannot read, since the same run brings their registry."""

    namespace: str
    workload: str
    why: str

    @property
    def id(self) -> str:
        return f"charts:{self.namespace}/{self.workload}"

    def desired(self, actual: State | None) -> State:
        return {"objects": Later(f"what the charts hold; {self.why}")}

    def read(self, task: Task) -> State | None:
        return None

    def write(self, task: Task, actual: State | None) -> None:
        raise HostError(self.why)


def chart_access_of(task: Task) -> Reach:
    """Return how this task's host reaches the registry of a chart."""
    registry = settings_of(task.host, Registry)

    def reach(chart: Chart, where: str) -> ChartAccess:
        host_port, _, path = chart.chart.removeprefix(OCI).partition("/")
        if host_port != registry.host_port:
            return ChartAccess(host_port)
        ca = ca_pem(task.host)
        if isinstance(ca, Later):
            raise RegistryNotThere(f"{where}: the registry's CA is not made yet; run moor apply pki first")
        return ChartAccess(host_port, _login(task, path, chart.robot, where) if chart.robot else None, ca)

    return reach


def _login(task: Task, path: str, robot: str, where: str) -> RegistryLogin:
    project = project_of(path)
    refuse_unknown_login(task.host, project, robot)
    try:
        found = robot_login(task, project, robot)
    except HarborUnreachable as error:
        raise RegistryNotThere(f"{where}: {error}", error.kind) from error
    if found is None:
        raise RegistryNotThere(f"{where}: the robot {project}+{robot} does not exist; run moor apply registry first")
    return RegistryLogin(found[0], found[1].reveal())
