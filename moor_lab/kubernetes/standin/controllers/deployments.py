"""Deployments: replica sets from templates, rolled out step by step, and how far that came.

Source  Kubernetes' pkg/controller/deployment (sync.go, progress.go), in its simplest form.
"""

from datetime import timedelta

from .. import kinds
from ..objects import Object, clone, condition, dig, name_of, parse_time, set_condition, timestamp
from .rollouts import (
    REVISION,
    Rollout,
    new_replica_set,
    recreate_sizes,
    revision_of,
    rolling_sizes,
    rollout_of,
    size_of,
)
from .snapshot import Actions, Create, Delete, RecordEvent, Replace, Snapshot, is_leaving

PREFIX = "deployment.kubernetes.io/"
DESIRED, MAXIMUM = f"{PREFIX}desired-replicas", f"{PREFIX}max-replicas"
COMPONENT = "deployment-controller"


def plan(snapshot: Snapshot) -> Actions:
    """Yield what every deployment needs next."""
    for deployment in snapshot.of(kinds.DEPLOYMENT):
        if is_leaving(deployment):
            continue
        rollout = rollout_of(deployment, snapshot.owned(kinds.REPLICA_SET, deployment))
        yield from _next(rollout, snapshot)
        yield from _status(rollout, snapshot)


def _next(rollout: Rollout, snapshot: Snapshot) -> Actions:
    if rollout.new is None:
        yield Create(kinds.REPLICA_SET, new_replica_set(rollout))
        return
    top = max((revision_of(one) for one in rollout.old), default=0)
    if revision_of(rollout.new) <= top:
        yield Replace(kinds.REPLICA_SET, _annotated(rollout.new, {REVISION: str(top + 1)}))
        return
    if revision_of(rollout.deployment) != revision_of(rollout.new):
        annotations = {REVISION: str(revision_of(rollout.new))}
        yield Replace(kinds.DEPLOYMENT, _annotated(rollout.deployment, annotations))
        return
    recreate = rollout.deployment["spec"]["strategy"]["type"] == "Recreate"
    sizes = list(recreate_sizes(rollout, snapshot) if recreate else rolling_sizes(rollout))
    if not rollout.deployment["spec"].get("paused"):
        for replica_set, size in sizes:
            yield from _scale(rollout, replica_set, size)
    if not sizes:
        yield from _forget(rollout)


def _scale(rollout: Rollout, replica_set: Object, size: int) -> Actions:
    before = size_of(replica_set)
    limits = {DESIRED: str(rollout.desired), MAXIMUM: str(rollout.desired + rollout.surge)}
    out = _annotated(replica_set, limits)
    out["spec"]["replicas"] = size
    yield Replace(kinds.REPLICA_SET, out)
    way = "up" if size > before else "down"
    message = f"Scaled {way} replica set {name_of(replica_set)} from {before} to {size}"
    yield RecordEvent(kinds.DEPLOYMENT, rollout.deployment, COMPONENT, "ScalingReplicaSet", message)


def _annotated(obj: Object, annotations: dict[str, str]) -> Object:
    out = clone(obj)
    out["metadata"]["annotations"] = out["metadata"].get("annotations", {}) | annotations
    return out


def _forget(rollout: Rollout) -> Actions:
    """Drop empty sets beyond the history that the deployment wants."""
    empty = [one for one in rollout.old if not size_of(one) and not dig(one, "status", "replicas")]
    for one in empty[: max(0, len(empty) - int(rollout.deployment["spec"]["revisionHistoryLimit"]))]:
        yield Delete(kinds.REPLICA_SET, one)


def _status(rollout: Rollout, snapshot: Snapshot) -> Actions:
    out = clone(rollout.deployment)
    out["status"] = status_of(rollout, snapshot)
    if out["status"] != rollout.deployment.get("status"):
        yield Replace(kinds.DEPLOYMENT, out, status=True)


def status_of(rollout: Rollout, snapshot: Snapshot) -> Object:
    """Return the deployment's status: counts and conditions."""
    counts = _counts(rollout)
    status: Object = {"observedGeneration": rollout.deployment["metadata"]["generation"]}
    status |= {name: number for name, number in counts.items() if number}
    conditions = list(dig(rollout.deployment, "status", "conditions") or [])
    for new in (_availability(rollout, counts), _progress(rollout, counts, snapshot)):
        conditions = _noted(conditions, new, snapshot) if new else conditions
    return status | {"conditions": _refused(rollout, conditions)}


def _refused(rollout: Rollout, conditions: list[Object]) -> list[Object]:
    """Return the conditions with why pods are refused, as the newest replica set says it, else an older one."""
    sets = [*([rollout.new] if rollout.new else []), *rollout.old]
    found = next((refused for one in sets if (refused := condition(one, "ReplicaFailure"))), None)
    others = [one for one in conditions if one["type"] != "ReplicaFailure"]
    return [*others, found | {"lastUpdateTime": found["lastTransitionTime"]}] if found else others


def _counts(rollout: Rollout) -> dict[str, int]:
    def total(field: str, sets: list[Object]) -> int:
        return sum(int(dig(one, "status", field) or 0) for one in sets)

    available = total("availableReplicas", rollout.all)
    return {
        "replicas": total("replicas", rollout.all),
        "updatedReplicas": total("replicas", [rollout.new] if rollout.new else []),
        "readyReplicas": total("readyReplicas", rollout.all),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(rollout.desired, sum(map(size_of, rollout.all))) - available),
    }


def _noted(conditions: list[Object], new: Object, snapshot: Snapshot) -> list[Object]:
    """Return the conditions with this one; an unchanged one keeps its times, so that nothing is written."""
    old = next((one for one in conditions if one["type"] == new["type"]), None)
    if old and all(old.get(key) == new[key] for key in ("status", "reason", "message")) and "lastUpdateTime" not in new:
        return conditions
    times = {"lastUpdateTime": timestamp(snapshot.now), "lastTransitionTime": timestamp(snapshot.now)}
    return set_condition(conditions, times | new)


def _availability(rollout: Rollout, counts: dict[str, int]) -> Object:
    if counts["availableReplicas"] >= rollout.desired - rollout.unavailable:
        state, word, message = "True", "Available", "Deployment has minimum availability."
    else:
        state, word, message = "False", "Unavailable", "Deployment does not have minimum availability."
    return {"type": "Available", "status": state, "reason": f"MinimumReplicas{word}", "message": message}


def _progress(rollout: Rollout, counts: dict[str, int], snapshot: Snapshot) -> Object | None:
    """Return the Progressing condition; None where it stays. A finished rollout does not time out later."""
    if rollout.new is None:
        return None
    name = f'ReplicaSet "{name_of(rollout.new)}"'
    old = condition(rollout.deployment, "Progressing")
    finished = all(counts[field] == rollout.desired for field in ("replicas", "updatedReplicas", "availableReplicas"))
    if finished:
        return _progressing("True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
    if old is None or name not in old["message"]:
        return _progressing("True", "NewReplicaSetCreated", f"{name} is new.") | {
            "lastUpdateTime": timestamp(snapshot.now)
        }
    if _moved(rollout.deployment.get("status", {}), counts):
        moving = _progressing("True", "ReplicaSetUpdated", f"{name} is progressing.")
        return moving | {"lastUpdateTime": timestamp(snapshot.now)}
    deadline = timedelta(seconds=int(rollout.deployment["spec"]["progressDeadlineSeconds"]))
    late = parse_time(old["lastUpdateTime"]) + deadline < snapshot.now
    if old["status"] == "True" and old["reason"] != "NewReplicaSetAvailable" and late:
        return _progressing("False", "ProgressDeadlineExceeded", f"{name} has timed out progressing.")
    return None


def _progressing(state: str, reason: str, message: str) -> Object:
    return {"type": "Progressing", "status": state, "reason": reason, "message": message}


def _moved(status: Object, counts: dict[str, int]) -> bool:
    """Return whether the rollout came closer to its end since the status was written."""
    grown = any(
        counts[field] > status.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    old_before = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    return grown or counts["replicas"] - counts["updatedReplicas"] < old_before
