"""The node of a host, and what a drain asks the cluster's API about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.kubernetes import MISSING, code_of, untyped_class
from moor.context import context_of
from moor.engine.asked_once import ask_once
from moor.errors import ErrorKind, HostError, InputError, NotANode
from moor.inventory.identity import HostIdentity, node_name_in
from moor.inventory.nodes import node_of, pair_nodes
from moor.settings import optional_settings_of
from moor.tasks.cluster.api import as_dict, ask, cluster_of
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.maintenance.pods import PodName

# See moor.connections.apis.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

CONFLICT, TOO_MANY = 409, 429
TRIES = 5  # of a patch: kubelet writes the node's status every few seconds
Tree = Mapping[str, Any]


def cluster_settings_of(host: Host) -> ClusterSettings:
    """Return the cluster of a node: its own section, else that of the fleet.

    Raises:
        InputError: the inventory has none.
    """
    fleet = context_of(host).fleet
    for one in (host, *(fleet.hosts.values() if fleet else ())):
        if found := optional_settings_of(one, ClusterSettings):
            return found
    raise InputError(f"{host.name}: data.maintenance.drain needs the cluster's API; write data.cluster.kubeconfig")


@dataclass(frozen=True)
class ClusterNode:
    """The node that a host is in the cluster.

    Attributes:
        task: of the host, connected to the cluster's API.
        name: the node's.
    """

    task: Task
    name: str

    @classmethod
    def of(cls, task: Task) -> ClusterNode:
        """Connect to the cluster, and return the node of the task's host; raises NotANode if there is none."""
        cluster = cluster_settings_of(task.host)
        if "kubernetes" not in task.host.connections:
            extras = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context}
            task.host.open_connection("kubernetes", task.nornir.config, extras=extras, default_to_host_attributes=False)
        host = task.host
        named = node_name_in(host.data)
        nodes = ask_once(task, ("nodes", cluster.kubeconfig, cluster.context), lambda: _all_nodes(task))
        known = {host.name: HostIdentity(named)} if named else {}
        found = pair_nodes({host.name: host.hostname or host.name}, map(node_of, nodes), known).nodes.get(host.name)
        if found is None:
            raise NotANode(
                f"no node of the cluster is {host.name}; write its name there: data.node.name", ErrorKind.UNMET
            )
        return cls(task, found.name)

    def listed(self) -> Tree:
        """Return the node as the run first saw it, without a request of its own."""
        cluster = cluster_settings_of(self.task.host)
        nodes = ask_once(self.task, ("nodes", cluster.kubeconfig, cluster.context), lambda: _all_nodes(self.task))
        return next(node for node in nodes if node["metadata"]["name"] == self.name)

    def read(self) -> Tree:
        """Return the node as it is now."""
        return as_dict(ask(self.task, f"node {self.name}", lambda api: api.get(untyped_class("v1", "Node"), self.name)))

    def patch(self, make: Callable[[Tree], dict[str, Any] | None]) -> None:
        """Patch the node as it is now; ``make`` returns the patch, None for nothing, again if it changed meanwhile."""
        for left in reversed(range(TRIES)):
            if (wanted := make(self.read())) is None:
                return
            try:
                ask(self.task, f"node {self.name}", lambda api, patch=wanted: _patch(api, self.name, patch))  # type: ignore[misc]
                return
            except HostError as error:
                if code_of(error) != CONFLICT or not left:
                    raise

    def delete(self) -> None:
        """Delete the node from the cluster."""
        ask(self.task, f"node {self.name}", lambda api: api.delete(untyped_class("v1", "Node"), self.name))

    def pods(self) -> list[Tree]:
        """Return the pods on the node, of all namespaces."""
        kind = untyped_class("v1", "Pod")
        at: dict[str, Any] = {"spec.nodeName": self.name}
        listed = ask(self.task, f"pods of node {self.name}", lambda api: list(api.list(kind, namespace="*", fields=at)))
        return [as_dict(pod) for pod in listed]

    def evict(self, pod: PodName, grace_s: int | None) -> str:
        """Evict a pod; return why the cluster does not let it go yet, empty if it goes or is gone."""
        from moor.connections.apis.kubernetes import calling_api

        try:
            with calling_api(f"evict pod {pod}"):
                _evict(cluster_of(self.task), pod, grace_s)
        except HostError as error:
            code = code_of(error)
            if code == TOO_MANY:
                return _cause(error) or str(error)
            if code not in (MISSING, CONFLICT):  # it is gone, or another pod has its name
                raise
        return ""


def _all_nodes(task: Task) -> list[Tree]:
    found: Iterable[Any] = ask(task, "nodes", lambda api: list(api.list(untyped_class("v1", "Node"))))
    return [as_dict(node) for node in found]


def _patch(api: Client, name: str, patch: dict[str, Any]) -> Any:
    from lightkube.types import PatchType

    return api.patch(untyped_class("v1", "Node"), name, patch, patch_type=PatchType.MERGE)


def _evict(api: Client, pod: PodName, grace_s: int | None) -> None:
    from lightkube.models.meta_v1 import DeleteOptions, ObjectMeta, Preconditions
    from lightkube.resources.core_v1 import PodEviction

    options = DeleteOptions(gracePeriodSeconds=grace_s, preconditions=Preconditions(uid=pod.uid))
    metadata = ObjectMeta(name=pod.name, namespace=pod.namespace)
    api.create(PodEviction(metadata=metadata, deleteOptions=options), pod.name, namespace=pod.namespace)


def _cause(error: HostError) -> str:
    """Return what the cluster gives as the cause of a refusal, which names the budget."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__
    details = cause.status.details if isinstance(cause, ApiError) else None
    return "; ".join(str(one.message) for one in (details.causes or []) if one.message) if details else ""
