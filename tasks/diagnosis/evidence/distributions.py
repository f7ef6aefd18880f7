"""Distributions of Kubernetes, and how kubelet and runtime are restarted and configured on each; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moor.inventory import nodes
from moor.inventory.nodes import TALOS


@dataclass(frozen=True)
class Distribution:
    """A distribution of Kubernetes.

    Attributes:
        restart: how to restart kubelet and runtime
        registry: how to have its own containerd trust the registry; empty if it uses the system's containerd
    """

    restart: str
    registry: str = ""


SYSTEM_TRUST = "moor apply trust --limit {host}; its containerd reads the system's CAs when it starts: "
DISTRIBUTIONS: Mapping[str, Distribution] = {
    "kubernetes": Distribution("run on {host}: systemctl restart kubelet"),
    "k3s": Distribution(
        "run on {host}: systemctl restart k3s-agent (k3s on a server)",
        "set data.containerd.runtime: k3s for {host}; then moor apply containerd --limit {host}",
    ),
    "rke2": Distribution(
        "run on {host}: systemctl restart rke2-agent (rke2-server on a server)",
        "set data.containerd.runtime: rke2 for {host}; then moor apply containerd --limit {host}",
    ),
    "k0s": Distribution(
        "run on {host}: systemctl restart k0sworker (k0scontroller on a controller)",
        SYSTEM_TRUST + "systemctl restart k0sworker (k0scontroller); for more: /etc/k0s/containerd.d/*.toml",
    ),
    "microk8s": Distribution(
        "run on {host}: snap restart microk8s",
        SYSTEM_TRUST + "snap restart microk8s; for more: /var/snap/microk8s/current/args/certs.d",
    ),
    "talos": Distribution(
        "talosctl --nodes {host} service kubelet restart",
        TALOS,
    ),
    "minikube": Distribution("minikube start", "minikube start --embed-certs, with the CA in ~/.minikube/certs"),
    "kind": Distribution("docker restart {host}", "docker exec {host}, and write its certs.d: kind, Local Registry"),
}
LABELS = {"microk8s.io/cluster": "microk8s", "minikube.k8s.io/name": "minikube"}
# Prints which distribution's own containerd a host has.
DISTRIBUTION_FRAGMENT = """\
for w in rke2:/var/lib/rancher/rke2 k3s:/var/lib/rancher/k3s k0s:/var/lib/k0s microk8s:/var/snap/microk8s \\
  minikube:/var/lib/minikube kind:/kind; do
  [ ! -d "${w#*:}" ] || { echo "distribution=${w%%:*}"; break; }
done"""


def distribution_of(node: Mapping[str, Any]) -> str:
    """Return the distribution of a node, from its labels, its kubelet's version and its operating system."""
    labels = node["metadata"].get("labels") or {}
    about = (node.get("status") or {}).get("nodeInfo") or {}
    kubelet = str(about.get("kubeletVersion", ""))
    known = nodes.distribution_of(str(about.get("osImage", "")), kubelet)
    if known != "kubernetes":
        return known
    if str((node.get("spec") or {}).get("providerID", "")).startswith("kind://"):
        return "kind"
    if "+k0s" in kubelet:
        return "k0s"
    return next((name for label, name in LABELS.items() if label in labels), known)


def distribution_remedies(name: str, host: str) -> dict[str, str]:
    """Return the remedies of a distribution, as evidence."""
    found = DISTRIBUTIONS.get(name, DISTRIBUTIONS["kubernetes"])
    known = name if name in DISTRIBUTIONS and name != "kubernetes" else ""
    restart, registry = (words.replace("{host}", host) for words in (found.restart, found.registry))
    return {"distribution": known, "restart": restart, "own_registry": registry}
