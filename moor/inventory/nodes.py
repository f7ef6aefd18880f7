"""The nodes of a cluster, and the matching of nodes to hosts of the inventory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from moor.inventory.identity import HostIdentity

Distribution = Literal["kubernetes", "k3s", "rke2", "talos"]
TALOS = (
    "Talos has no SSH, so that moor cannot configure it; add to its machine config what this prints: "
    "moor node config nodes --format talos"
)
ASK_S = 5.0
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


@dataclass(frozen=True)
class Node:
    """A node as described by the cluster's API.

    Attributes:
        addresses: its InternalIPs first, then any other
        machine: its machine-id, as reported by kubelet
        trouble: why it is not ready; empty if it is
    """

    name: str
    addresses: tuple[str, ...] = ()
    trouble: str = ""
    runtime: str = ""
    os_image: str = ""
    kubelet: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    machine: str = ""

    @property
    def distribution(self) -> Distribution:
        """Return the node's distribution, on which the way of configuring containerd depends."""
        return distribution_of(self.os_image, self.kubelet)

    @property
    def leads(self) -> bool:
        """Return whether the node belongs to the control plane."""
        return any(label in self.labels for label in CONTROL_PLANE)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the facts that a host's ``data.custom.kubernetes`` has."""
        about = {"runtime": self.runtime, "os_image": self.os_image, "kubelet": self.kubelet}
        return {**about, "distribution": self.distribution, "labels": dict(self.labels)}


def distribution_of(os_image: str, kubelet: str) -> Distribution:
    """Return the distribution, recognised by the OS image and kubelet's version.

    The version of k3s ends like v1.30.4+k3s1, that of RKE2 like v1.30.4+rke2r1; Talos has its name in the OS image.
    """
    if os_image.startswith("Talos"):
        return "talos"
    build = kubelet.partition("+")[2]
    return "k3s" if build.startswith("k3s") else "rke2" if build.startswith("rke2") else "kubernetes"


def node_of(tree: Mapping[str, Any]) -> Node:
    """Parse a Node object of the API."""
    metadata, status = tree.get("metadata") or {}, tree.get("status") or {}
    about = status.get("nodeInfo") or {}
    listed = sorted(status.get("addresses") or [], key=lambda entry: entry.get("type") != "InternalIP")
    return Node(
        str(metadata.get("name", "")),
        tuple(str(entry["address"]) for entry in listed if entry.get("address")),
        _trouble(status.get("conditions") or []),
        str(about.get("containerRuntimeVersion", "")),
        str(about.get("osImage", "")),
        str(about.get("kubeletVersion", "")),
        {str(key): str(value) for key, value in (metadata.get("labels") or {}).items()},
        str(about.get("machineID") or ""),
    )


def _trouble(conditions: Iterable[Mapping[str, Any]]) -> str:
    ready = next((condition for condition in conditions if condition.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return ""
    return str(ready.get("message") or ready.get("reason") or "it does not say that it is ready")


def read_nodes(kubeconfig: Path, context: str) -> list[Node]:
    """List the cluster's nodes; raise HostError if it does not answer, InputError if the kubeconfig is unusable."""
    from moor.connections.apis.kubernetes import calling_api, client_of, untyped_class

    client = client_of(kubeconfig, context, ASK_S)
    try:
        with calling_api("list Node"):
            return [node_of(entry.to_dict()) for entry in client.list(untyped_class("v1", "Node"))]
    finally:
        client.close()


@dataclass(frozen=True)
class NodePairs:
    """Hosts matched to nodes by the host's name, and the nodes that match no host."""

    nodes: dict[str, Node]
    strangers: tuple[Node, ...]


def pair_nodes(
    hosts: Mapping[str, str], nodes: Iterable[Node], known: Mapping[str, HostIdentity] | None = None
) -> NodePairs:
    """Match each node to a host; a host is at most one node.

    A node name in the inventory decides; else the address, the name, the machine-id and kubelet's node name, in this
    order.

    Args:
        hosts: address by name
        known: the identities of the hosts that were read
    """
    known, rest = known or {}, list(nodes)
    found: dict[str, Node] = {}
    fixed = {name for name, identity in known.items() if identity.node}
    ways: list[Callable[[str, Node], bool]] = [
        lambda name, node: name in fixed and known[name].node == node.name,
        lambda name, node: name not in fixed and hosts[name] in node.addresses,
        lambda name, node: name not in fixed and name == node.name,
        lambda name, node: name in machines and name not in fixed and machines[name] == node.machine,
        lambda name, node: name in known and name not in fixed and node.name in known[name].names,
    ]
    machines = _unique_machine_ids(known, rest)
    for same in ways:
        for node in list(rest):
            name = next((name for name in hosts if name not in found and same(name, node)), None)
            if name is not None:
                found[name] = node
                rest.remove(node)
    return NodePairs(found, tuple(rest))


def _unique_machine_ids(known: Mapping[str, HostIdentity], nodes: Iterable[Node]) -> dict[str, str]:
    """Return the unique machine-ids by host; carelessly cloned machines share one, which identifies none."""
    hosts = Counter(identity.machine for identity in known.values())
    twice = {machine for machine, count in Counter(node.machine for node in nodes).items() if count > 1}
    return {
        name: identity.machine
        for name, identity in known.items()
        if identity.machine and hosts[identity.machine] == 1 and identity.machine not in twice
    }
