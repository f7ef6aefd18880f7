"""Nornir inventory plugin: the files of FleetInventory, plus nodes of the cluster that are not in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nornir.core.inventory import Inventory

from moor.context import change_context
from moor.errors import MoorError
from moor.inventory.files import FleetInventory
from moor.inventory.identity import HostIdentity, node_name_in
from moor.inventory.nodes import Node, NodePairs, pair_nodes, read_nodes
from moor.settings.document import Source, tree_of
from moor.settings.fleet import CUSTOM, NAME, Fleet, HostFacts

NODES = "nodes"  # the group of nodes that are not in the files
FACTS = "kubernetes"  # below data.custom of every host that is a node
RUNTIMES = ("k3s", "rke2")


class ClusterInventory(FleetInventory):
    """FleetInventory, merged with the cluster's current nodes.

    A node that is no host in the files becomes a host in group nodes, with its InternalIP as the address. Every host
    that is a node has ``data.custom.kubernetes``: labels, runtime, os_image, kubelet, distribution. If the cluster does
    not answer, the inventory is that of the files, and the run context's ``trouble`` says why.
    """

    trouble = ""

    def _extended(self, fleet: Fleet) -> NodePairs:
        """Add the nodes that are not in the files to the fleet; return which host is which node."""
        addresses = {name: fleet.address(name) for name in fleet.hosts}
        found = pair_nodes(addresses, self._nodes(fleet), _written(fleet))
        for node in found.strangers:
            if NAME.fullmatch(node.name) and node.name not in fleet.hosts and node.addresses:
                fleet.add(node.name, tree_of(entry_of_node(node), Source("the cluster", 1, (node.name,))))
        return found

    def _nodes(self, fleet: Fleet) -> list[Node]:
        cluster = _cluster(fleet)
        try:
            return read_nodes(Path(cluster.kubeconfig), cluster.context) if cluster else []
        except MoorError as error:
            self.trouble = f"the nodes of the cluster are not known, the inventory's files alone count: {error}"
            return []

    def _inventory(self, fleet: Fleet, facts: dict[str, HostFacts]) -> Inventory:
        found = self._extended(fleet)
        joined = {node.name for node in found.strangers if node.name in fleet.hosts and node.name not in facts}
        for name in joined:
            facts[name] = fleet.facts(name)
        fleet.faults.raise_if_any()
        inventory = super()._inventory(fleet, facts)
        change_context(inventory, trouble=self.trouble, joined=frozenset(joined))
        nodes = {**found.nodes, **{node.name: node for node in found.strangers if node.name in joined}}
        for name, node in nodes.items():
            data = inventory.hosts[name].data
            data[CUSTOM] = {**(data.get(CUSTOM) or {}), FACTS: node.facts}
        return inventory


def _written(fleet: Fleet) -> dict[str, HostIdentity]:
    """Return the identities of the hosts whose node name is in the files."""
    named = {name: node_name_in(fleet.facts(name).data) for name in fleet.hosts}
    return {name: HostIdentity(node) for name, node in named.items() if node}


def _cluster(fleet: Fleet) -> Any:
    """Return the section ``cluster`` of the first host that has one, else None."""
    return next((found for name in fleet.hosts if (found := fleet.facts(name).data.get("cluster"))), None)


def entry_of_node(node: Node) -> dict[str, Any]:
    """Return the entry of hosts.yaml for a node."""
    entry: dict[str, Any] = {"hostname": node.addresses[0], "groups": [NODES]}
    if node.distribution in RUNTIMES:
        runtime: dict[str, Any] = {"runtime": node.distribution}
        entry["data"] = {"containerd": runtime | ({"unit": server_unit(node.distribution)} if node.leads else {})}
    elif node.runtime.startswith("cri-o://"):
        entry["data"] = {"containerd": {"runtime": "crio"}}
    return entry


def server_unit(distribution: str) -> str:
    """Return the name of the systemd unit on a control plane node of k3s or RKE2."""
    return "k3s" if distribution == "k3s" else "rke2-server"
