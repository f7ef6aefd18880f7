"""Proof from a node: the registry's name, the way there, TLS, a login, the image, a pull, and the pods that run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Node, Pod
from nornir.core.task import Result, Task

from moor.connections.harbor import NotThere
from moor.connections.kubernetes import told
from moor.engine.converge import converge
from moor.errors import HostError
from moor.resources.base import Remote, Resource, State
from moor.secrets import Secret
from moor.settings import optional_settings_of, settings_of
from tasks.cluster_parts import as_dict, cluster_of, progress, waiting_reasons
from tasks.facts import Registry
from tasks.harbor import harbor_of
from tasks.proofs import Door, chain
from tasks.registry import robot_login
from tasks.workload import Cluster, Workload, Workloads, open_cluster


def prove_node(task: Task) -> Result:
    """Prove from a node that it pulls and runs what the inventory says; only a pulled image passes through it."""
    return converge(task, proofs(task))


def proofs(task: Task) -> Sequence[Resource]:
    """Give what the node has to prove, for the first workload's image; its pods where the cluster runs any on it."""
    host = task.host
    registry = settings_of(host, Registry)
    door = Door(registry.name, str(registry.address), registry.port)
    workloads = settings_of(host, Workloads).by_name
    found: list[Resource] = []
    for workload in list(workloads.values())[:1]:
        login, digest = _known_to_harbor(task, workload)
        found.extend(chain(door, workload.image, login, digest))
    if workloads and optional_settings_of(host, Cluster):
        open_cluster(task)
        found.append(
            PodsProof(host.name, host.hostname or "", host.has_parent_group("control_plane"), tuple(workloads))
        )
    return found


def _known_to_harbor(task: Task, workload: Workload) -> tuple[tuple[str, Secret] | None, str]:
    """Give the pull secret's login and the digest that was pushed, as far as Harbor can be asked."""
    repository, _, tag = workload.image.rpartition(":")
    try:
        login = robot_login(task, workload.image.partition("/")[0], workload.robot)
        manifest = harbor_of(task).manifest(repository, tag)
    except NotThere:
        return None, "unknown, since Harbor does not answer"
    return login, manifest[0] if manifest else "not there"


@dataclass(frozen=True)
class PodsProof(Remote):
    """Hold that the workloads' pods on this node run the pushed digest; on a control plane, that all are rolled out."""

    host: str
    address: str
    leads: bool
    workloads: tuple[str, ...]

    @property
    def id(self) -> str:
        return "proof:pod"

    def desired(self, actual: State | None) -> State:
        return {"pods": "as pushed"}

    def read(self, task: Task) -> State:
        faults: list[str] = []
        for name, workload in settings_of(task.host, Workloads).by_name.items():
            ask = self._unfinished if self.leads else self._wrong_pods
            try:
                with told(f"workload {name}"):
                    faults.extend(ask(task, name, workload))
            except HostError as error:
                faults.append(str(error))  # what the node itself can prove is worth telling all the same
        return {"pods": "; ".join(faults) or "as pushed"}

    def write(self, task: Task, actual: State | None) -> None:
        raise HostError("moor apply workload")

    def _unfinished(self, task: Task, name: str, workload: Workload) -> Iterator[str]:
        found = as_dict(cluster_of(task).get(Deployment, name, namespace=workload.namespace))
        if (reached := progress(found)) != "complete":
            yield f"{name}: {reached}"

    def _wrong_pods(self, task: Task, name: str, workload: Workload) -> Iterator[str]:
        node = node_name(map(as_dict, cluster_of(task).list(Node)), self.host, self.address)
        repository, _, tag = workload.image.rpartition(":")
        pushed = harbor_of(task).manifest(repository, tag)
        labels: dict[str, Any] = {"app.kubernetes.io/name": name}
        for pod in map(as_dict, cluster_of(task).list(Pod, namespace=workload.namespace, labels=labels)):
            if pod["spec"].get("nodeName") == node and "deletionTimestamp" not in pod["metadata"]:
                yield from wrong_images(pod, workload.image, pushed[0] if pushed else "not there")


def node_name(nodes: Iterator[dict[str, Any]], host: str, address: str) -> str:
    """Name the node that a host is: by address, else by the same name."""
    for node in nodes:
        if address in [entry["address"] for entry in node.get("status", {}).get("addresses", [])]:
            return str(node["metadata"]["name"])
    return host


def wrong_images(pod: dict[str, Any], image: str, digest: str) -> Iterator[str]:
    """Say which containers of a pod do not run, or run another digest of ``image`` than the pushed one."""
    yield from waiting_reasons(pod)
    repository = image.rpartition(":")[0]
    for status in pod.get("status", {}).get("containerStatuses", []):
        held = str(status.get("imageID", ""))
        if f"/{repository}" in str(status.get("image", "")) and "running" in status["state"] and digest not in held:
            yield f"{pod['metadata']['name']} runs {held.rpartition('@')[2] or 'an unknown image'}, pushed is {digest}"
