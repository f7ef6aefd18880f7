"""Whether the cluster and the inventory know the same nodes, which neither of them can say alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nornir.core.inventory import Inventory
from nornir.core.task import Result, Task

from moor.cluster_inventory import NODES
from moor.engine.results import Found
from moor.errors import HostError, InputError
from moor.findings import Finding
from moor.nodes import Node, paired, read_nodes
from moor.selection import FLEET, JOINED
from moor.settings import optional_settings_of
from tasks.workload import Cluster

TALOS = "Talos has no SSH: name the registry in its machine config (machine.registries.config, TrustedRootsConfig)"


def compare_members(task: Task) -> Result:
    """Compare the inventory's nodes with the cluster's; nothing is changed."""
    cluster = optional_settings_of(task.host, Cluster)
    if cluster is None:
        return Result(host=task.host, result="the inventory names no cluster")
    try:
        nodes = read_nodes(cluster.kubeconfig, cluster.context)
    except (HostError, InputError) as error:
        raise HostError(f"the cluster's nodes are not known: {error}") from error
    fleet: Inventory = task.nornir.config.user_defined.get(FLEET, task.nornir.inventory)
    written = {name: host for name, host in fleet.hosts.items() if JOINED not in host.data}
    known = {name: host.has_parent_group(NODES) for name, host in written.items()}
    for finding in differences({name: host.hostname or name for name, host in written.items()}, known, nodes):
        task.results.append(Found(task.host, finding))
    return Result(host=task.host, result=f"{len(nodes)} nodes compared")


def differences(hosts: Mapping[str, str], members: Mapping[str, bool], nodes: list[Node]) -> Iterator[Finding]:
    """Say what only one of the two knows, and which node is not ready.

    hosts    address by name
    members  whether the host is in group nodes, by name
    """
    found = paired(hosts, nodes)
    for node in found.strangers:
        remedy = TALOS if node.distribution == "talos" else f"moor onboard {node.name}"
        where = f" at {node.addresses[0]}" if node.addresses else ""
        yield Finding(f"node:{node.name}", f"{node.name} joined the cluster{where} and is not in the inventory", remedy)
    for name, is_member in members.items():
        if is_member and name not in found.nodes:
            what = f"{name} is in group nodes of the inventory and no node of the cluster"
            yield Finding(f"member:{name}", what, "join it to the cluster, or take it out of hosts.yaml", name)
    for name, node in found.nodes.items():
        if node.trouble:
            what = f"node {node.name} is not ready: {node.trouble}"
            yield Finding(f"ready:{name}", what, f"kubectl describe node {node.name}", name)
        if not members.get(name):
            what = f"{name} is a node of the cluster and not in group nodes of the inventory"
            yield Finding(f"group:{name}", what, "write it into group nodes in hosts.yaml", name)
