"""An autoscaler's replicas are its own: an apply neither sets them back nor takes them away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import MANAGER, is_missing, untyped_class
from moor.errors import HostError
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_right

SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
CONTROLLER = "kube-controller-manager"  # as whom an autoscaler writes, by the scale subresource


def leave_replicas(task: Task, content: Mapping[str, Any], live: Tree | None) -> Tree:
    """Return what to apply: ``content``, but its replicas as they are where an autoscaler decides them."""
    spec = content.get("spec")
    if live is None or content["kind"] not in SCALED or not isinstance(spec, Mapping) or "replicas" not in spec:
        return dict(content)
    return as_they_are(content, live) if _scales(task, live) else dict(content)


def as_they_are(content: Mapping[str, Any], live: Tree) -> Tree:
    """Return ``content`` without replicas, or with the present ones as long as nobody else owns the field.

    A field that its last owner leaves out of an apply goes, and the default, one replica, takes its place.
    """
    spec = {key: value for key, value in content["spec"].items() if key != "replicas"}
    if not owners_of_replicas(live) - {MANAGER}:
        spec["replicas"] = live["spec"]["replicas"]
    return {**content, "spec": spec}


def owners_of_replicas(live: Tree) -> set[str]:
    """Return who owns ``spec.replicas`` of an object."""
    entries = live["metadata"].get("managedFields") or []
    return {
        str(entry.get("manager"))
        for entry in entries
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    }


def _scales(task: Task, live: Tree) -> bool:
    """Return whether an autoscaler targets the object; who may not list them sees it by whose the replicas are."""
    metadata = live["metadata"]
    doing = f"{live['kind'].lower()}:{metadata['namespace']}/{metadata['name']}"
    kind = untyped_class("autoscaling/v2", "HorizontalPodAutoscaler")
    try:
        found = ask(task, doing, lambda cluster: list(cluster.list(kind, namespace=metadata["namespace"])))
    except HostError as error:
        if is_missing(error) or lacks_right(error):
            return CONTROLLER in owners_of_replicas(live)
        raise
    return any(targets(as_dict(one), live) for one in found)


def targets(autoscaler: Tree, live: Tree) -> bool:
    """Return whether an autoscaler is for this object."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    group = str(target.get("apiVersion", "")).rpartition("/")[0]
    same = (live["kind"], live["metadata"]["name"]) == (target.get("kind"), target.get("name"))
    return same and group == str(live["apiVersion"]).rpartition("/")[0]
