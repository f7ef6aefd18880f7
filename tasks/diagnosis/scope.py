"""What the diagnosis of a host covers: the registry, workloads, namespaces, and the objects of its cluster."""

from __future__ import annotations

from collections.abc import Iterator

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import DiagnosisScope, runs_registry
from moor.engine.asked_once import ask_once
from moor.errors import MoorError
from moor.inventory.identity import HostIdentity
from moor.inventory.nodes import node_of, pair_nodes
from moor.settings import optional_settings_of, settings_of
from moor.tasks.cluster.api import cluster_of, open_cluster
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.containerd.configure import expected_config
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.diagnosis.controller_facts import Login
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot
from moor.tasks.diagnosis.evidence.probe_request import ProbeRequest, RegistryEndpoint
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import api_login_of
from moor.tasks.names import Names
from moor.tasks.preflight.settings import Preflight
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import wanted_routes
from moor.tasks.workload.known_objects import UnknownObjects, pod_makers_of, rollouts_of
from moor.tasks.workload.settings import Workload, Workloads

NODES = "Node *"  # the key of nodes in ClusterSnapshot.unknown


def registry_endpoint_of(host: Host) -> RegistryEndpoint:
    """Return the registry that a host uses."""
    registry = settings_of(host, Registry)
    first, *further = map(str, registry.addresses)
    return RegistryEndpoint(
        registry.name,
        first,
        registry.port,
        tuple(further),
        registry.api,
        runs_registry(host),
        runs_registry(host) or api_login_of(host) is not None,
    )


def probe_request_of(host: Host, image: str, login: Login | None = None, pull: bool = False) -> ProbeRequest:
    """Return what to ask a node about an image, from the inventory."""
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
        hops=tuple(_hops_of(host)),
    )


def _hops_of(host: Host) -> Iterator[tuple[str, str]]:
    """Yield each single address to which the inventory names a next hop, with that."""
    settings = optional_settings_of(host, Routes)
    for route in wanted_routes(host, settings) if settings else ():
        if route.single:
            yield route.single, str(route.via)


def workloads_of(task: Task, scope: DiagnosisScope) -> dict[str, Workload]:
    known = settings_of(task.host, Workloads).by_name
    return {name: w for name, w in known.items() if not scope.deployment or name == scope.deployment}


def namespaces_of(task: Task, scope: DiagnosisScope) -> tuple[str, ...]:
    own = dict.fromkeys(workload.namespace for workload in settings_of(task.host, Workloads).by_name.values())
    return scope.namespaces or tuple(own)


def unknown_workloads(task: Task, scope: DiagnosisScope) -> dict[str, str]:
    """Return why the pods of workloads cannot be judged, by layer: nobody knows the objects of these."""
    try:
        for name, workload in workloads_of(task, scope).items():
            rollouts_of(task, name, workload)
    except UnknownObjects as error:
        return {"pod": str(error)}
    return {}


def names_of(task: Task, scope: DiagnosisScope) -> frozenset[str]:
    """Return the names of what makes the pods in question; empty for all pods."""
    made = (
        one.name for name, workload in workloads_of(task, scope).items() for one in pod_makers_of(task, name, workload)
    )
    return frozenset([scope.deployment, *made]) if scope.deployment else frozenset()


def cluster_snapshot_of(task: Task, scope: DiagnosisScope, endpoint: RegistryEndpoint) -> ClusterSnapshot | str | None:
    """Return the cluster's objects, or why they cannot be read; None if the inventory has no cluster."""
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

            return read_cluster(cluster_of(task), namespaces, names_of(task, scope), endpoint.host_port, own)
        except MoorError as error:
            return str(error)

    return ask_once(task, ("cluster", settings.kubeconfig, settings.context, namespaces, scope.deployment), ask)


def cluster_node_name(task: Task, view: ClusterSnapshot, identity: HostIdentity) -> str:
    """Return the host's name as a node of the cluster; its inventory name if the cluster does not have it."""
    host = task.host
    address = host.hostname or host.name
    found = pair_nodes({host.name: address}, map(node_of, view.nodes), {host.name: identity}).nodes.get(host.name)
    if found:
        return found.name
    # If nodes may not be listed, a pod still has the name and address of its node.
    status = ((pod.get("spec") or {}, pod.get("status") or {}) for pod in view.pods if NODES in view.unknown)
    at = (str(spec["nodeName"]) for spec, state in status if state.get("hostIP") == address and spec.get("nodeName"))
    return next(at, identity.node or host.name)
