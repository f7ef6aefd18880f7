"""The node controller: marks silent nodes as unknown, taints them, and evicts their pods."""

import os
from datetime import timedelta

from .. import kinds
from ..objects import Object, clone, condition, dig, is_true, name_of, parse_time, set_condition, timestamp
from ..placement import tolerates
from .snapshot import Actions, Delete, RecordEvent, Replace, Snapshot, is_leaving, is_ready

GRACE_S = float(os.environ.get("MOOR_LAB_NODE_GRACE", "40"))
"""Seconds without a heartbeat after which a node is unknown; Kubernetes' own default is 50."""

COMPONENT = "node-controller"
UNREACHABLE, NOT_READY = "node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"
STOPPED = {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}


def plan(snapshot: Snapshot) -> Actions:
    """Yield the next actions for silent nodes and their pods."""
    for node in snapshot.of(kinds.NODE):
        yield from _health(node, snapshot)
        yield from _taints(node, snapshot)
        yield from _pods(node, snapshot)


def is_silent(node: Object, snapshot: Snapshot) -> bool:
    """Return whether the last heartbeat is older than the grace period."""
    ready = condition(node, "Ready")
    last = ready["lastHeartbeatTime"] if ready else node["metadata"]["creationTimestamp"]
    return parse_time(last) + timedelta(seconds=GRACE_S) < snapshot.now


def _health(node: Object, snapshot: Snapshot) -> Actions:
    ready = condition(node, "Ready")
    if not is_silent(node, snapshot) or (ready and ready["status"] == "Unknown"):
        return
    out = clone(node)
    conditions: list[Object] = dig(node, "status", "conditions") or [{"type": "Ready", "status": ""}]
    for old in conditions:
        heartbeat = {"lastHeartbeatTime": old.get("lastHeartbeatTime") or node["metadata"]["creationTimestamp"]}
        new = {"type": old["type"], **STOPPED, **heartbeat, "lastTransitionTime": timestamp(snapshot.now)}
        conditions = set_condition(conditions, new)
    out.setdefault("status", {})["conditions"] = conditions
    yield Replace(kinds.NODE, out, status=True)
    yield RecordEvent(kinds.NODE, node, COMPONENT, "NodeNotReady", f"Node {name_of(node)} status is now: NodeNotReady")


def _taints(node: Object, snapshot: Snapshot) -> Actions:
    """Yield the taints for a node's Ready condition, by which the scheduler learns of its health."""
    ready = condition(node, "Ready")
    if ready is None:
        return
    key = {"Unknown": UNREACHABLE, "False": NOT_READY}.get(ready["status"])
    old: list[Object] = dig(node, "spec", "taints") or []
    taints = [taint for taint in old if taint["key"] not in (UNREACHABLE, NOT_READY) or taint["key"] == key]
    if key and not any(taint["key"] == key for taint in taints):
        added = timestamp(snapshot.now)
        taints += [{"key": key, "effect": effect, "timeAdded": added} for effect in ("NoSchedule", "NoExecute")]
    if taints != old:
        out = clone(node)
        out.setdefault("spec", {})["taints"] = taints
        yield Replace(kinds.NODE, out)


def _pods(node: Object, snapshot: Snapshot) -> Actions:
    """Yield actions for pods on a lost node: not ready, and deleted when their toleration ends."""
    if is_true(node, "Ready"):
        return
    evicting = [taint for taint in dig(node, "spec", "taints") or [] if taint["effect"] == "NoExecute"]
    for pod in snapshot.of(kinds.POD):
        if pod["spec"].get("nodeName") != name_of(node) or is_leaving(pod):
            continue
        if any(_is_over(pod, taint, snapshot) for taint in evicting):
            yield Delete(kinds.POD, pod)
            message = f"Marking for deletion Pod {pod['metadata']['namespace']}/{name_of(pod)}"
            yield RecordEvent(kinds.POD, pod, "taint-eviction-controller", "TaintManagerEviction", message)
        elif is_ready(pod) and (condition(node, "Ready") or {}).get("status") == "Unknown":
            yield from _not_ready(pod, snapshot)


def _not_ready(pod: Object, snapshot: Snapshot) -> Actions:
    out = clone(pod)
    new = {"type": "Ready", "status": "False", "lastTransitionTime": timestamp(snapshot.now), "lastProbeTime": None}
    out["status"]["conditions"] = set_condition(out["status"]["conditions"], new)
    yield Replace(kinds.POD, out, status=True)
    yield RecordEvent(kinds.POD, pod, COMPONENT, "NodeNotReady", "Node is not ready", "Warning")


def _is_over(pod: Object, taint: Object, snapshot: Snapshot) -> bool:
    """Return whether the pod does not tolerate the taint, or no longer."""
    tolerations: list[Object] = pod["spec"].get("tolerations", [])
    matching = [one for one in tolerations if tolerates([one], taint)]
    if not matching:
        return True
    limits = [one["tolerationSeconds"] for one in matching if "tolerationSeconds" in one]
    added = taint.get("timeAdded")
    return bool(limits and added and parse_time(added) + timedelta(seconds=min(limits)) < snapshot.now)
