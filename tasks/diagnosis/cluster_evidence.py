"""What the cluster reports about a node, its pods and their pull secrets, as evidence by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.context import DiagnosisScope
from moor.engine.asked_once import ask_once
from moor.errors import HostError
from moor.settings import settings_of
from moor.tasks.cluster.api import cluster_of, open_cluster
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot, KubeObject, PodExpectations, namespace_of
from moor.tasks.diagnosis.evidence.pods import distinct_faults, node_evidence, pod_evidence, shows_fault
from moor.tasks.diagnosis.evidence.pull_secrets import secret_evidence
from moor.tasks.diagnosis.node_evidence import NodeEvidence
from moor.tasks.diagnosis.rules.layers import LayerEvidence
from moor.tasks.diagnosis.rules.rule import Evidence
from moor.tasks.diagnosis.scope import NODES, cluster_node_name, workloads_of
from moor.tasks.workload.known_objects import UnknownObjects, rollouts_of


@dataclass
class ClusterEvidence:
    """What the cluster reports about a node, by layer, and why it reports nothing about others."""

    evidence: dict[str, LayerEvidence] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


def cluster_evidence_of(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, wanted: PodExpectations, seen: NodeEvidence
) -> ClusterEvidence:
    """Return what the cluster reports about a node; a control plane also gets rollouts and pods without a node."""
    found = ClusterEvidence()
    if view is None:
        return found
    if isinstance(view, str):
        found.unknown = dict.fromkeys(("secret", "node", "pod"), view)
        return found
    leads = task.host.has_parent_group("control_plane")
    name = cluster_node_name(task, view, seen.identity)
    node = next((n for n in view.nodes if n["metadata"]["name"] == name), None)
    if NODES in view.unknown:
        found.unknown["node"] = view.unknown[NODES]
    else:
        found.evidence["node"] = node_evidence(node, task.host.name)
    pods = [pod for pod in view.pods if (pod.get("spec") or {}).get("nodeName", "" if leads else None) == name]
    pods += [pod for pod in view.pods if leads and not (pod.get("spec") or {}).get("nodeName")]
    _add_secrets(found, pods, view, wanted, seen.evidence.get("login"))
    held = _add_pods(found, pods, view, wanted, task.host.name)
    if leads:
        _add_rollouts(found, task, scope, held)
    return found


def whole_cluster_evidence_of(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str, wanted: PodExpectations
) -> ClusterEvidence:
    """Return what a cluster reports about all of its nodes, for a cluster without a host to log in to."""
    found = ClusterEvidence()
    if isinstance(view, str):
        found.unknown = dict.fromkeys(("secret", "node", "pod"), view)
        return found
    if NODES in view.unknown:
        found.unknown["node"] = view.unknown[NODES]
    else:
        found.evidence["node"] = [node_evidence(node, str(node["metadata"]["name"])) for node in view.nodes]
    _add_secrets(found, view.pods, view, wanted, None)
    _add_rollouts(found, task, scope, _add_pods(found, view.pods, view, wanted, ""))
    return found


def _add_pods(
    found: ClusterEvidence, pods: Sequence[KubeObject], view: ClusterSnapshot, wanted: PodExpectations, host: str
) -> list[dict[str, str]]:
    """Add why pods do not run, each cause once, and return it."""
    held = distinct_faults(
        [
            one
            for pod in pods
            for one in pod_evidence(pod, view, wanted, host or str((pod.get("spec") or {}).get("nodeName") or ""))
        ]
    )
    if held:
        found.evidence["pod"] = held
    elif hidden := [words for key, words in view.unknown.items() if key.startswith("Pod ")]:
        found.unknown["pod"] = hidden[0]
    return held


def _add_secrets(
    found: ClusterEvidence,
    pods: Sequence[KubeObject],
    view: ClusterSnapshot,
    wanted: PodExpectations,
    login: LayerEvidence | None,
) -> None:
    """Add the pull secrets of pods, one for each owner; a secret that may not be read is unknown, not a fault."""
    from moor.tasks.diagnosis.evidence.cluster_reader import unread_secret

    refused = login.get("user", "") if isinstance(login, Mapping) and login.get("status") == "401" else ""
    hidden = {id(pod): words for pod in pods if (words := unread_secret(view, pod))}
    each: dict[tuple[str, str], Evidence] = {}
    for pod in pods:
        if id(pod) not in hidden:
            one = secret_evidence(pod, view, wanted)
            known = {**one, "refused": "yes" if refused and one.get("user") == refused else "no"}
            each.setdefault((namespace_of(pod), f"{one['owner']} {one.get('secret', '')}"), known)
    if hidden and not any(one.get("matches") != "yes" for one in each.values()):
        found.unknown["secret"] = next(iter(hidden.values()))
    elif each:
        found.evidence["secret"] = list(each.values())


def _add_rollouts(found: ClusterEvidence, task: Task, scope: DiagnosisScope, pods: Sequence[Evidence]) -> None:
    """Add the progress of rollouts; if it may not be read, the pods alone are judged.

    Where it is not even known which rollouts there are, pods that run prove nothing.
    """
    cluster = settings_of(task.host, ClusterSettings)
    key = ("rollouts", cluster.kubeconfig, cluster.context, scope.deployment)
    rolling = ask_once(task, key, lambda: _unfinished(task, scope))
    if isinstance(rolling, HostError):
        if not pods or (isinstance(rolling, UnknownObjects) and not any(map(shows_fault, pods))):
            found.unknown["pod"] = str(rolling)
    elif "pod" not in found.unknown:
        found.evidence["pod"] = [*pods, *([{"rollout": rolling}] if rolling or not pods else [])]


def _unfinished(task: Task, scope: DiagnosisScope) -> str | HostError:
    workloads = workloads_of(task, scope).items()
    try:
        rolled = [one for name, workload in workloads for one in rollouts_of(task, name, workload)]
        from moor.tasks.diagnosis.evidence.cluster_reader import unfinished_rollouts

        open_cluster(task)  # another host may have asked for the cluster's objects
        return "; ".join(unfinished_rollouts(cluster_of(task), rolled))
    except HostError as error:
        return error
