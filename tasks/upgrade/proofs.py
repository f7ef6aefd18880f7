"""A pull from every node after an upgrade of Harbor, as ``moor verify`` proves it.

Which nodes have not proved one is kept in the site's state, so that the next apply proves it where this one could not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import fleet_of, runs_registry, site_of
from moor.engine.converge import converge
from moor.resources.base import Remote, State
from moor.secrets import private_files

NODES = "nodes"
FOLDER = "unproved-pulls"  # below the site's state, a file for each node


class PullingNodes(F):
    """The filter for the nodes that pull from a registry that moor runs."""

    def __call__(self, host: Host) -> bool:
        return runs_registry(host) and host.has_parent_group(NODES)

    def __repr__(self) -> str:
        return "<Filter (nodes, where moor runs the registry)>"


PULLING_NODES = PullingNodes()


@dataclass(frozen=True)
class ProvedPull(Remote):
    """A node that has proved a pull since the upgrade that ``since`` describes."""

    path: Path
    since: str

    @property
    def id(self) -> str:
        return "pull-after-upgrade:harbor"

    @property
    def bound_s(self) -> float:
        return 300

    def desired(self, actual: State | None) -> State:
        return {"proved": f"since {self.since}"}

    def read(self, task: Task) -> State:
        return {"proved": "no" if self.path.exists() else f"since {self.since}"}

    def write(self, task: Task, actual: State | None) -> None:
        from moor.tasks.diagnosis.node import prove_node  # imported late: hardly any run has a pull to prove

        prove_node(task)
        self.path.unlink(missing_ok=True)


def require_proofs(task: Task, step: str) -> None:
    """Note for every node of the fleet that it has yet to prove a pull after an upgrade.

    Args:
        step: from which release to which.
    """
    for host in fleet_of(task).hosts.values():
        if host.has_parent_group(NODES):
            private_files.write(_path(host), f"{step}\n".encode())


def prove_pulls(task: Task) -> Result:
    """Prove a pull on a node that has not proved one since the last upgrade of Harbor."""
    path = _path(task.host)
    if not path.exists():
        return Result(host=task.host, result="nothing to prove")
    return converge(task, [ProvedPull(path, path.read_text().strip())])


def _path(host: Host) -> Path:
    return site_of(host).state / FOLDER / host.name
