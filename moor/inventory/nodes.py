"""Nodes of a cluster as values, and which hosts of an inventory they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from moor.inventory.identity import HostIdentity

Distribution = Literal["kubernetes", "k3s", "rke2", "talos"]
TALOS = (
    "Talos has no SSH, so that moor cannot configure it; "
    "name the registry in its machine config (RegistryTLSConfig, TrustedRootsConfig)"
)
ASK_S = 5.0
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


@dataclass(frozen=True)
class Node:
    """One node as the cluster describes it.

    Attributes:
        addresses: its InternalIPs first, then any other
        machine: its machine-id, as its kubelet reports it
        trouble: why it is not ready; empty where it is
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
        """Return what the node runs, as far as it is another way of configuring containerd."""
        return distribution_of(self.os_image, self.kubelet)

    @property
    def leads(self) -> bool:
        """Return whether it is of the control plane."""
        return any(label in self.labels for label in CONTROL_PLANE)

    @property
    def facts(self) -> dict[str, Any]:
        """Return what an inventory says of it."""
        about = {"runtime": self.runtime, "os_image": self.os_image, "kubelet": self.kubelet}
        return {**about, "distribution": self.distribution, "labels": dict(self.labels)}


def distribution_of(os_image: str, kubelet: str) -> Distribution:
    """Return the distribution that a node's OS image and its kubelet's version name.

    The versions are such as v1.30.4+k3s1 and v1.30.4+rke2r1; Talos names itself in the OS image.
    """
    if os_image.startswith("Talos"):
        return "talos"
    build = kubelet.partition("+")[2]
    return "k3s" if build.startswith("k3s") else "rke2" if build.startswith("rke2") else "kubernetes"


def node_of(tree: Mapping[str, Any]) -> Node:
    """Read a Node object of the API."""
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
    """Ask the cluster for its nodes; raises HostError or InputError."""
    from moor.connections.apis.kubernetes import calling_api, client_of, untyped_class

    client = client_of(kubeconfig, context, ASK_S)
    try:
        with calling_api("list Node"):
            return [node_of(entry.to_dict()) for entry in client.list(untyped_class("v1", "Node"))]
    finally:
        client.close()


@dataclass(frozen=True)
class NodePairs:
    """Hosts with the nodes that they are, and nodes that are no host."""

    nodes: dict[str, Node]
    strangers: tuple[Node, ...]


def pair_nodes(
    hosts: Mapping[str, str], nodes: Iterable[Node], known: Mapping[str, HostIdentity] | None = None
) -> NodePairs:
    """Find each node's host; a host is one node at most.

    What the inventory says of a host's name in the cluster decides; then its address, its name, its machine-id, and
    the name that its kubelet has.

    Args:
        hosts: address by name
        known: who hosts are, as far as they were asked
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
    machines = _telling(known, rest)
    for same in ways:
        for node in list(rest):
            name = next((name for name in hosts if name not in found and same(name, node)), None)
            if name is not None:
                found[name] = node
                rest.remove(node)
    return NodePairs(found, tuple(rest))


def _telling(known: Mapping[str, HostIdentity], nodes: Iterable[Node]) -> dict[str, str]:
    """Return the machine-ids that tell hosts apart: machines that were cloned without care share one."""
    hosts = Counter(identity.machine for identity in known.values())
    twice = {machine for machine, count in Counter(node.machine for node in nodes).items() if count > 1}
    return {
        name: identity.machine
        for name, identity in known.items()
        if identity.machine and hosts[identity.machine] == 1 and identity.machine not in twice
    }
