"""Nodes of a cluster as values, and which hosts of an inventory they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Distribution = Literal["kubernetes", "k3s", "rke2", "talos"]
ASK_S = 5.0
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


@dataclass(frozen=True)
class Node:
    """One node as the cluster describes it.

    addresses  its InternalIPs first, then any other
    trouble    why it is not ready; empty where it is
    """

    name: str
    addresses: tuple[str, ...] = ()
    trouble: str = ""
    runtime: str = ""
    os_image: str = ""
    kubelet: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def distribution(self) -> Distribution:
        """Tell what the node runs, as far as it is another way of configuring containerd.

        Source  the kubelets' versions: v1.30.4+k3s1, v1.30.4+rke2r1; Talos says so in its OS image
        """
        if self.os_image.startswith("Talos"):
            return "talos"
        _, _, build = self.kubelet.partition("+")
        return "k3s" if build.startswith("k3s") else "rke2" if build.startswith("rke2") else "kubernetes"

    @property
    def leads(self) -> bool:
        """Tell whether it is of the control plane."""
        return any(label in self.labels for label in CONTROL_PLANE)

    @property
    def facts(self) -> dict[str, Any]:
        """Give what an inventory says of it."""
        about = {"runtime": self.runtime, "os_image": self.os_image, "kubelet": self.kubelet}
        return {**about, "distribution": self.distribution, "labels": dict(self.labels)}


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
    )


def _trouble(conditions: Iterable[Mapping[str, Any]]) -> str:
    ready = next((condition for condition in conditions if condition.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return ""
    return str(ready.get("message") or ready.get("reason") or "it does not say that it is ready")


def read_nodes(kubeconfig: Path, context: str) -> list[Node]:
    """Ask the cluster for its nodes; raises HostError or InputError."""
    from lightkube.resources.core_v1 import Node as KubeNode

    from moor.connections.kubernetes import client_of, plain, told

    client = client_of(kubeconfig, context, ASK_S)
    try:
        with told("list Node"):
            return [node_of(entry.to_dict()) for entry in client.list(plain(KubeNode))]
    finally:
        client.close()


@dataclass(frozen=True)
class Paired:
    """Hosts with the nodes that they are, and nodes that are no host."""

    nodes: dict[str, Node]
    strangers: tuple[Node, ...]


def paired(hosts: Mapping[str, str], nodes: Iterable[Node]) -> Paired:
    """Find each node's host, by address, else by name; a host is one node at most.

    hosts  address by name
    """
    by_address = {address: name for name, address in hosts.items()}
    found: dict[str, Node] = {}
    rest = []
    for node in nodes:
        name = next((by_address[address] for address in node.addresses if address in by_address), "")
        if name and name not in found:
            found[name] = node
        else:
            rest.append(node)
    strangers = []
    for node in rest:
        if node.name in hosts and node.name not in found:
            found[node.name] = node
        else:
            strangers.append(node)
    return Paired(found, tuple(strangers))
