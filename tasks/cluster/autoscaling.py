"""Protection of replica counts that an autoscaler sets: an apply leaves them alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import MANAGER, is_missing, untyped_class
from moor.errors import HostError
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_right

SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
CONTROLLER = "kube-controller-manager"  # the field manager of an autoscaler, which writes the scale subresource


def leave_replicas(task: Task, content: Mapping[str, Any], live: Tree | None, autoscaled: bool = False) -> Tree:
    """Return the object to apply: ``content``, with the live replica count if an autoscaler sets it.

    Args:
        autoscaled: an autoscaler for it is applied together with the object, so that the cluster may not have it yet
    """
    spec = content.get("spec")
    if live is None or content["kind"] not in SCALED or not isinstance(spec, Mapping):
        return dict(content)
    if "replicas" not in spec and owners_of_replicas(live) != {MANAGER}:
        return dict(content)
    return keep_replicas(content, live) if autoscaled or _scales(task, live) else dict(content)


def keep_replicas(content: Mapping[str, Any], live: Tree) -> Tree:
    """Return ``content`` without replicas; with the live count while moor is the only owner of the field.

    If the last owner of a field leaves it out of an apply, the API resets it to its default, here one replica.
    """
    spec = {key: value for key, value in content["spec"].items() if key != "replicas"}
    if not owners_of_replicas(live) - {MANAGER}:
        spec["replicas"] = live["spec"]["replicas"]
    return {**content, "spec": spec}


def owners_of_replicas(live: Tree) -> set[str]:
    """Return the field managers that own ``spec.replicas`` of an object."""
    entries = live["metadata"].get("managedFields") or []
    return {
        str(entry.get("manager"))
        for entry in entries
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    }


def _scales(task: Task, live: Tree) -> bool:
    """Return whether an autoscaler targets the object; if the user may not list them, judge by the field's owner."""
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


def targets(autoscaler: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether an autoscaler targets this object."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    group = str(target.get("apiVersion", "")).rpartition("/")[0]
    same = (live["kind"], live["metadata"]["name"]) == (target.get("kind"), target.get("name"))
    return same and group == str(live["apiVersion"]).rpartition("/")[0]
