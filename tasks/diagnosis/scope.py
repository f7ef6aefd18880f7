"""What a look at a node is about, as the command line and the inventory have it, and what the cluster says of it."""

from __future__ import annotations

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import DiagnosisScope
from moor.engine.asked_once import ask_once
from moor.errors import MoorError
from moor.inventory.identity import HostIdentity
from moor.inventory.nodes import node_of, pair_nodes
from moor.settings import optional_settings_of, settings_of
from moor.tasks.cluster import ClusterSettings
from moor.tasks.cluster.api import cluster_of
from moor.tasks.containerd import ContainerdSettings
from moor.tasks.containerd.configure import expected_config
from moor.tasks.diagnosis.controller_facts import Login
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.facts import Registry
from moor.tasks.names import Names
from moor.tasks.preflight import Preflight
from moor.tasks.workload import Workloads
from moor.tasks.workload.deploy import Workload, open_cluster

NODES = "Node *"  # in what could not be read of the cluster


def registry_endpoint_of(host: Host) -> RegistryEndpoint:
    """Return where the registry is for a host."""
    registry = settings_of(host, Registry)
    first, *further = map(str, registry.addresses)
    return RegistryEndpoint(registry.name, first, registry.port, tuple(further))


def probe_request_of(host: Host, image: str, login: Login | None = None, pull: bool = False) -> ProbeRequest:
    """Return what a node is asked about, as the inventory has it."""
    runtime = settings_of(host, ContainerdSettings)
    return ProbeRequest(
        registry_endpoint_of(host),
        image,
        login,
        pull,
        "" if runtime.runtime == "containerd" else runtime.runtime,
        settings_of(host, Names).mode,
        runtime.service,
        settings_of(host, Preflight).through_proxy,
        expected_config(runtime, settings_of(host, Registry)) if runtime.runtime == "containerd" else None,
    )


def workloads_of(task: Task, scope: DiagnosisScope) -> dict[str, Workload]:
    known = settings_of(task.host, Workloads).by_name
    return {name: w for name, w in known.items() if not scope.deployment or name == scope.deployment}


def namespaces_of(task: Task, scope: DiagnosisScope) -> tuple[str, ...]:
    own = dict.fromkeys(workload.namespace for workload in settings_of(task.host, Workloads).by_name.values())
    return scope.namespaces or tuple(own)


def cluster_snapshot_of(task: Task, scope: DiagnosisScope, door: RegistryEndpoint) -> ClusterSnapshot | str | None:
    """Return what the cluster says; why it says nothing; None where the inventory knows no cluster."""
    settings, namespaces = optional_settings_of(task.host, ClusterSettings), namespaces_of(task, scope)
    own = namespaces_of(task, DiagnosisScope())
    if settings is None or not namespaces:
        return None

    def ask() -> ClusterSnapshot | str:
        try:
            open_cluster(task)
            from moor.tasks.diagnosis.evidence.cluster_reader import (
                read_cluster,  # as lightkube, see moor.connections.kubernetes
            )

            return read_cluster(cluster_of(task), namespaces, scope.deployment, door.host_port, own)
        except MoorError as error:
            return str(error)

    return ask_once(task, ("cluster", settings.kubeconfig, settings.context, namespaces, scope.deployment), ask)


def cluster_node_name(task: Task, view: ClusterSnapshot, identity: HostIdentity) -> str:
    """Name the node of the cluster that the task's host is; the host itself where the cluster has none."""
    host = task.host
    address = host.hostname or host.name
    found = pair_nodes({host.name: address}, map(node_of, view.nodes), {host.name: identity}).nodes.get(host.name)
    if found:
        return found.name
    # Where nodes may not be listed, a pod still says on which of them it is, and that node's address.
    status = ((pod.get("spec") or {}, pod.get("status") or {}) for pod in view.pods if NODES in view.unknown)
    at = (str(spec["nodeName"]) for spec, state in status if state.get("hostIP") == address and spec.get("nodeName"))
    return next(at, identity.node or host.name)
