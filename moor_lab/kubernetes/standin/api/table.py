"""Tables that ``kubectl get`` prints."""

from collections.abc import Callable
from datetime import UTC, datetime

from ..objects import Object, dig, is_true, name_of, parse_time

Row = dict[str, str]


def of(objects: list[Object], version: str) -> Object:
    """Return a meta.k8s.io Table of the objects, with the columns of their kind."""
    rows = [_cells(obj) for obj in objects]
    names = list(rows[0]) if rows else ["Name", "Age"]
    columns = [{"name": name, "type": "string", "format": "", "description": "", "priority": 0} for name in names]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns,
        "rows": [
            {"cells": list(row.values()), "object": _partial(obj)} for row, obj in zip(rows, objects, strict=True)
        ],
    }


def _partial(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _cells(obj: Object) -> Row:
    special: Callable[[Object], Row] = _COLUMNS.get(obj["kind"], lambda _: {})
    row = {"Name": name_of(obj), **special(obj), "Age": age(obj["metadata"]["creationTimestamp"], datetime.now(UTC))}
    return {key: row[key] for key in EVENT_ORDER} if obj["kind"] == "Event" else row


EVENT_ORDER = ("Last Seen", "Type", "Reason", "Object", "Message")


def age(since: str, instant: datetime) -> str:
    """Return an age in the largest unit that is precise enough."""
    seconds = max(0, int((instant - parse_time(since)).total_seconds()))
    for unit, length, least in (("d", 86400, 2 * 86400), ("h", 3600, 3 * 3600), ("m", 60, 120)):
        if seconds >= least:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _pod(pod: Object) -> Row:
    statuses = dig(pod, "status", "containerStatuses") or []
    ready = sum(1 for one in statuses if one.get("ready"))
    return {
        "Ready": f"{ready}/{len(pod['spec']['containers'])}",
        "Status": _pod_state(pod, statuses),
        "Restarts": str(sum(one.get("restartCount", 0) for one in statuses)),
        "IP": dig(pod, "status", "podIP") or "<none>",
        "Node": pod["spec"].get("nodeName") or "<none>",
    }


def _pod_state(pod: Object, statuses: list[Object]) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for one in statuses:
        for state in ("waiting", "terminated"):
            reason = dig(one, "state", state, "reason")
            if reason:
                return str(reason)
    return str(dig(pod, "status", "phase"))


def _deployment(obj: Object) -> Row:
    status = obj.get("status", {})
    return {
        "Ready": f"{status.get('readyReplicas', 0)}/{obj['spec']['replicas']}",
        "Up-to-date": str(status.get("updatedReplicas", 0)),
        "Available": str(status.get("availableReplicas", 0)),
    }


def _replica_set(obj: Object) -> Row:
    status = obj.get("status", {})
    return {
        "Desired": str(obj["spec"]["replicas"]),
        "Current": str(status.get("replicas", 0)),
        "Ready": str(status.get("readyReplicas", 0)),
    }


def _node(node: Object) -> Row:
    state = "Ready" if is_true(node, "Ready") else "NotReady"
    roles = [label.rpartition("/")[2] for label in dig(node, "metadata", "labels") or {} if "node-role" in label]
    info = dig(node, "status", "nodeInfo") or {}
    return {
        "Status": state + (",SchedulingDisabled" if dig(node, "spec", "unschedulable") else ""),
        "Roles": ",".join(roles) or "<none>",
        "Version": info.get("kubeletVersion", ""),
        "OS-Image": info.get("osImage", ""),
        "Container-Runtime": info.get("containerRuntimeVersion", ""),
    }


def _event(event: Object) -> Row:
    seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    target = event["involvedObject"]
    return {
        "Last Seen": age(seen, datetime.now(UTC)),
        "Type": event.get("type", ""),
        "Reason": event.get("reason", ""),
        "Object": f"{target.get('kind', '').lower()}/{target.get('name', '')}",
        "Message": event.get("message", ""),
    }


_COLUMNS: dict[str, Callable[[Object], Row]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Node": _node,
    "Event": _event,
    "Namespace": lambda obj: {"Status": str(dig(obj, "status", "phase"))},
    "Secret": lambda obj: {"Type": obj["type"], "Data": str(len(obj.get("data", {})))},
}
