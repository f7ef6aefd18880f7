"""A node that leaves: its pods are evicted, and it goes out of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.kubernetes import is_missing
from moor.context import context_of
from moor.engine.converge import converge
from moor.errors import HostError, NotANode
from moor.resources.base import Remote, Resource, State
from moor.tasks.maintenance.cordon import Cordon
from moor.tasks.maintenance.drain import cordon, drain_of, evict_pods, uncordon
from moor.tasks.maintenance.node import ClusterNode
from moor.tasks.maintenance.pods import sort_pods
from moor.tasks.maintenance.settings import Drain

KEPT = "kept"  # the field of a state that has the pods which must not be evicted


@dataclass(frozen=True)
class LeavingNode(Remote):
    """The absence of a host's node from the cluster; its pods are moved to other nodes before."""

    host: str
    drain: Drain

    @property
    def id(self) -> str:
        return f"node:{self.host}"

    @property
    def bound_s(self) -> float:
        return 60 + self.drain.timeout_s

    def desired(self, actual: State | None) -> None:
        return None

    def read(self, task: Task) -> State | None:
        try:
            node = ClusterNode.of(task)
            node.read()
        except NotANode:
            return None
        except HostError as error:
            if is_missing(error):
                return None
            raise
        found = sort_pods(node.pods(), self.drain)
        kept = "; ".join(f"pod {pod}: {words}" for pod, words in found.refused.items())
        pods = ", ".join(map(str, found.leaving)) or "none"
        return {"node": "in the cluster", "pods to evict": pods, **({KEPT: kept} if kept else {})}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        kept = (actual or {}).get(KEPT)
        return f"node {self.host} is not drained: {kept} (data.maintenance)" if kept else ""

    def write(self, task: Task, actual: State | None) -> None:
        node = ClusterNode.of(task)
        cordon(node, Cordon.by_this(context_of(task).run, self.drain.timeout_s))
        try:
            evict_pods(node, self.drain)
        except Exception:
            uncordon(node)
            raise
        node.delete()


def leaves(host: Host) -> Sequence[Resource]:
    """Return the absence of a host's node, in a run of ``moor offboard``; nothing in any other."""
    order = context_of(host).retirement
    return [LeavingNode(host.name, drain_of(host) or Drain())] if order and order.leaves else []


def leave_cluster(task: Task) -> Result:
    """Evict the pods of a node that leaves, and take it out of the cluster."""
    return converge(task, leaves)
