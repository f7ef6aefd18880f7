"""The check of the name in ``moor diagnose NAME``, made before any host is reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core.inventory import Host

from moor.errors import HostError, InputError
from moor.settings import optional_settings_of
from moor.suggestions import did_you_mean
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.facts import Registry
from moor.tasks.workload.settings import Workloads

ASK_S = 10.0


def check_workload_name(hosts: Iterable[Host], namespaces: Sequence[str], wanted: str) -> None:
    """Check that the inventory or the cluster has a workload or pod named ``wanted``.

    Args:
        namespaces: where to look; if empty, in those of the inventory's workloads

    Raises:
        InputError: there is none, or none of its pods uses the registry.
    """
    fleet = list(hosts)
    sections = [found for host in fleet if (found := optional_settings_of(host, Workloads))]
    workloads = {name: workload for section in sections for name, workload in section.by_name.items()}
    if wanted in workloads:
        return
    places = tuple(namespaces) or tuple(dict.fromkeys(workload.namespace for workload in workloads.values()))
    known, silent = _of_cluster(fleet, places, wanted)
    if wanted in known:
        if known[wanted]:
            return
        raise InputError(f"diagnose: no pod of {wanted} takes an image from {_registry(fleet)}: nothing to look at")
    where = f"namespace {' '.join(places)}" if places and places != ("*",) else "the cluster"
    unsure = f"; {silent}" if silent else ""
    close = did_you_mean(wanted, [*workloads, *known])
    raise InputError(f"diagnose: nothing is called {wanted}, in the inventory or in {where}{unsure}{close}")


def _of_cluster(fleet: Sequence[Host], places: Sequence[str], wanted: str) -> tuple[dict[str, bool], str]:
    """Return the names that pods can be called by, with whether one uses our registry; or why they are unknown."""
    cluster = next((found for host in fleet if (found := optional_settings_of(host, ClusterSettings))), None)
    if cluster is None or not places:
        return {}, "the inventory names no cluster to ask"
    try:
        from moor.connections.apis.kubernetes import client_of
        from moor.tasks.diagnosis.evidence.cluster_reader import pod_names

        client = client_of(cluster.kubeconfig, cluster.context, ASK_S)
        try:
            return pod_names(client, places, _registry(fleet)), ""
        finally:
            client.close()
    except (HostError, InputError) as error:
        return {}, f"the cluster cannot be asked: {error}"


def _registry(fleet: Sequence[Host]) -> str:
    return next((found.host_port for host in fleet if (found := optional_settings_of(host, Registry))), "the registry")
