"""The replica set controller: creates and deletes pods up to the desired number."""

import random
from datetime import datetime

from .. import kinds
from ..objects import Object, clone, name_of, namespace_of, owner_reference, parse_time, set_condition, timestamp
from .snapshot import (
    Actions,
    Create,
    Delete,
    RecordEvent,
    Replace,
    Snapshot,
    is_active,
    is_available,
    is_leaving,
    is_ready,
)

COMPONENT = "replicaset-controller"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
BURST = 50
"""Maximum number of pods created or deleted at once."""


def plan(snapshot: Snapshot) -> Actions:
    """Yield the next actions for every replica set."""
    for replica_set in snapshot.of(kinds.REPLICA_SET):
        if not is_leaving(replica_set):
            pods = [pod for pod in snapshot.owned(kinds.POD, replica_set) if is_active(pod)]
            yield from _size(replica_set, pods)
            yield from _status(replica_set, pods, snapshot)


def _size(replica_set: Object, pods: list[Object]) -> Actions:
    missing = int(replica_set["spec"]["replicas"]) - len(pods)
    for _ in range(min(missing, BURST)):
        pod = new_pod(replica_set)
        words = f"Created pod: {name_of(pod)}"
        yield Create(kinds.POD, pod, RecordEvent(kinds.REPLICA_SET, replica_set, COMPONENT, "SuccessfulCreate", words))
    for pod in sorted(pods, key=worth)[: max(0, min(-missing, BURST))]:
        yield Delete(kinds.POD, pod)
        yield RecordEvent(kinds.REPLICA_SET, replica_set, COMPONENT, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


def new_pod(replica_set: Object) -> Object:
    """Return a pod from the set's template, under a name of its own."""
    template = clone(replica_set["spec"]["template"])
    prefix = f"{name_of(replica_set)}-"
    metadata = template["metadata"] | {
        "generateName": prefix,
        "name": prefix + "".join(random.choices(ALPHABET, k=5)),  # noqa: S311
        "namespace": namespace_of(replica_set),
        "ownerReferences": [owner_reference("apps/v1", "ReplicaSet", replica_set)],
    }
    return {"metadata": metadata, "spec": template["spec"]}


def worth(pod: Object) -> tuple[bool, bool, bool, float]:
    """Return a sort key that puts the least useful pod first: unscheduled, not running, not ready, youngest."""
    phase = pod.get("status", {}).get("phase")
    born = parse_time(pod["metadata"]["creationTimestamp"]).timestamp()
    return bool(pod["spec"].get("nodeName")), phase == "Running", is_ready(pod), -born


def _status(replica_set: Object, pods: list[Object], snapshot: Snapshot) -> Actions:
    out = clone(replica_set)
    counts = {
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": sum(map(is_ready, pods)),
        "availableReplicas": sum(is_available(pod, replica_set, snapshot.now) for pod in pods),
    }
    status = {"observedGeneration": replica_set["metadata"]["generation"], "replicas": counts.pop("replicas")}
    out["status"] = status | {name: count for name, count in counts.items() if count}
    if len(pods) < int(replica_set["spec"]["replicas"]):
        out["status"] |= {key: value for key, value in replica_set.get("status", {}).items() if key == "conditions"}
    if out["status"] != replica_set.get("status"):
        yield Replace(kinds.REPLICA_SET, out, status=True)


def failed(replica_set: Object, why: str, instant: datetime) -> Object:
    """Return the set with the condition that says why its pods are refused."""
    told = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why}
    out = clone(replica_set)
    status = out.setdefault("status", {"replicas": 0})
    known: list[Object] = status.get("conditions", [])
    status["conditions"] = set_condition(known, told | {"lastTransitionTime": timestamp(instant)})
    return out
