"""The progress of a rollout, by the kind of object; pure.

References:
    kubectl, polymorphichelpers/rollout_status.go: when a rollout is complete
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tree = Mapping[str, Any]

COMPLETE = "complete"
UNSEEN = "not yet seen by the cluster"
FAILED = "failed: "  # how the progress of a Job that has failed begins
# The kinds that moor waits for, with their apiVersion.
API_VERSIONS = {
    **{"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "Job": "batch/v1"},
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
}


def progress(tree: Tree) -> str:
    """Return the progress of an object's rollout; ``complete`` once nothing is left to wait for."""
    kind = tree.get("kind", "Deployment")
    status: Tree = tree.get("status") or {}
    if kind == "CustomResourceDefinition":
        return COMPLETE if _condition(status, "Established") is not None else "not yet served by the cluster"
    if kind == "Job":
        return _job(tree.get("spec") or {}, status)
    if status.get("observedGeneration", 0) < (tree.get("metadata") or {}).get("generation", 0):
        return UNSEEN
    by_kind = {"StatefulSet": _stateful_set, "DaemonSet": _daemon_set}
    return by_kind.get(kind, _deployment)(tree.get("spec") or {}, status)


def _deployment(spec: Tree, status: Tree) -> str:
    wanted = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated == available == status.get("replicas", 0) == wanted:
        return COMPLETE
    return f"{updated} of {wanted} updated, {available} available"


def _stateful_set(spec: Tree, status: Tree) -> str:
    wanted, strategy = spec.get("replicas", 1), spec.get("updateStrategy") or {}
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if spec.get("minReadySeconds"):
        ready = status.get("availableReplicas", ready)
    held = (strategy.get("rollingUpdate") or {}).get("partition") or 0  # the pods below it keep the former template
    newest = status.get("currentRevision") == status.get("updateRevision") or updated >= wanted
    if strategy.get("type") == "OnDelete":  # pods get the new template when somebody deletes them
        newest = True
    elif held:
        newest = updated >= wanted - held
    if newest and ready >= wanted and status.get("replicas", wanted) == wanted:
        return COMPLETE
    return f"{updated} of {max(wanted - held, 0)} updated, {ready} of {wanted} ready"


def _daemon_set(spec: Tree, status: Tree) -> str:
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        updated = wanted
    if updated >= wanted and available >= wanted:
        return COMPLETE
    return f"{updated} of {wanted} nodes updated, {available} available"


def _job(spec: Tree, status: Tree) -> str:
    if (failed := _condition(status, "Failed")) is not None:
        return f"{FAILED}{failed.get('reason', '')}: {failed.get('message', '')}".rstrip(": ")
    if _condition(status, "Complete") is not None:
        return COMPLETE
    if spec.get("suspend"):
        return COMPLETE  # its owner starts it
    wanted = spec.get("completions") or 1
    return f"{status.get('succeeded', 0)} of {wanted} succeeded, {status.get('active', 0)} active"


def _condition(status: Tree, name: str) -> Tree | None:
    """Return a condition that holds; None if it does not."""
    conditions = status.get("conditions") or []
    return next((one for one in conditions if (one.get("type"), one.get("status")) == (name, "True")), None)
