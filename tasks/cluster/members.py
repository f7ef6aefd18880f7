"""Comparison of the cluster's nodes with the inventory's hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nornir.core import Nornir
from nornir.core.inventory import Hosts, Inventory
from nornir.core.state import GlobalState
from nornir.core.task import Result, Task

from moor.connections.names import CLUSTERS
from moor.context import context_of, fleet_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import HostError, InputError
from moor.inventory.cluster import NODES
from moor.inventory.identity import HostIdentity, ask_identities, node_name_in
from moor.inventory.nodes import TALOS, Node, NodePairs, pair_nodes, read_nodes
from moor.runner.loop_runner import LoopRunner
from moor.settings import optional_settings_of
from moor.tasks.cluster.settings import ClusterSettings

REMEDY = "join it to the cluster, take it out of hosts.yaml, or write its name there: data.node.name"


def compare_members(task: Task) -> Result:
    """Compare the inventory's nodes with the cluster's; change nothing.

    The nodes of a cluster that is reached by its API alone are in no inventory; only those that are not ready count.

    Raises:
        HostError: the cluster does not answer
    """
    cluster = optional_settings_of(task.host, ClusterSettings)
    if cluster is None:
        return Result(host=task.host, result="the inventory names no cluster")
    try:
        nodes = read_nodes(cluster.kubeconfig, cluster.context)
    except (HostError, InputError) as error:
        raise HostError(f"the cluster's nodes are not known: {error}", error.kind) from error
    if task.host.has_parent_group(CLUSTERS):
        task.results += [FindingResult(task.host, _unready(node, node.name)) for node in nodes if node.trouble]
        return Result(host=task.host, result=f"{len(nodes)} nodes looked at")
    fleet, joined = fleet_of(task), context_of(task).joined
    written = {name: host for name, host in fleet.hosts.items() if name not in joined}
    known = {name: host.has_parent_group(NODES) for name, host in written.items()}
    addresses = {name: host.hostname or name for name, host in written.items()}
    for finding in differences(known, _paired(task, fleet, addresses, nodes)):
        task.results.append(FindingResult(task.host, finding))
    return Result(host=task.host, result=f"{len(nodes)} nodes compared")


def _paired(task: Task, fleet: Inventory, addresses: Mapping[str, str], nodes: list[Node]) -> NodePairs:
    """Return which host is which node; ask hosts of this run for their identity if nothing else identifies them."""
    known = {name: HostIdentity(node_name_in(fleet.hosts[name].data)) for name in addresses}
    found = pair_nodes(addresses, nodes, known)
    hosts = {name: fleet.hosts[name] for name in addresses if name not in found.nodes}
    part = context_of(task).taking_part
    unsure = {name: host for name, host in hosts.items() if host.has_parent_group(NODES) and name in part}
    if not (found.strangers and unsure):
        return found
    some = Inventory(Hosts(unsure), fleet.groups, fleet.defaults)
    identities = ask_identities(
        Nornir(some, runner=LoopRunner(), config=task.nornir.config, data=GlobalState()), unsure
    )
    known |= {name: replace(identity, node=known[name].node) for name, identity in identities.items()}
    return pair_nodes(addresses, nodes, known)


def differences(members: Mapping[str, bool], found: NodePairs) -> Iterator[Finding]:
    """Yield a finding for each node or host that only one side has, and for each node that is not ready.

    Args:
        members: whether the host is in group nodes, by name
        found: which host is which node
    """
    for node in found.strangers:
        remedy = TALOS if node.distribution == "talos" else f"moor onboard {node.name}"
        where = f" at {node.addresses[0]}" if node.addresses else ""
        yield Finding(f"node:{node.name}", f"{node.name} joined the cluster{where} and is not in the inventory", remedy)
    for name, is_member in members.items():
        if is_member and name not in found.nodes:
            what = f"{name} is in group nodes of the inventory and no node of the cluster"
            yield Finding(f"member:{name}", what, REMEDY, name)
    for name, node in found.nodes.items():
        if node.trouble:
            yield _unready(node, name)
        if not members.get(name):
            what = f"{name} is a node of the cluster and not in group nodes of the inventory"
            yield Finding(f"group:{name}", what, "write it into group nodes in hosts.yaml", name)


def _unready(node: Node, name: str) -> Finding:
    what = f"node {node.name} is not ready: {node.trouble}"
    return Finding(f"ready:{name}", what, f"kubectl describe node {node.name}", name)
