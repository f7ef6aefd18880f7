"""Deployments: replica sets from templates, and rolling updates that keep enough pods available.

Source  Kubernetes' pkg/controller/deployment (rolling.go, recreate.go, progress.go), in its simplest form.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from .. import kinds
from ..objects import (
    Object,
    canonical,
    clone,
    condition,
    dig,
    name_of,
    namespace_of,
    owner_reference,
    parse_time,
    set_condition,
    timestamp,
)
from .world import Actions, Create, Delete, Replace, Tell, World, is_leaving

HASH = "pod-template-hash"
PREFIX = "deployment.kubernetes.io/"
REVISION, DESIRED, MAXIMUM = f"{PREFIX}revision", f"{PREFIX}desired-replicas", f"{PREFIX}max-replicas"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
COMPONENT = "deployment-controller"


@dataclass(frozen=True)
class Rollout:
    """A deployment with its replica sets. ``new`` is the one of the present template."""

    deployment: Object
    new: Object | None
    old: tuple[Object, ...]

    @property
    def desired(self) -> int:
        """How many pods there should be."""
        return int(self.deployment["spec"]["replicas"])

    @property
    def all(self) -> list[Object]:
        """Every replica set."""
        return [*self.old, *([self.new] if self.new else [])]

    @property
    def surge(self) -> int:
        """How many pods there may be beyond the desired number."""
        return self._bounds()[0]

    @property
    def unavailable(self) -> int:
        """How many of the desired pods may be missing."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[int, int]:
        rolling = dig(self.deployment, "spec", "strategy", "rollingUpdate")
        if not rolling:
            return 0, self.desired
        surge = absolute(rolling["maxSurge"], self.desired, up=True)
        unavailable = absolute(rolling["maxUnavailable"], self.desired, up=False)
        return surge, min(self.desired, unavailable or (0 if surge else 1))


def absolute(bound: int | str, of: int, *, up: bool) -> int:
    """A bound as a number of pods: ``"25%"`` of ``of``, rounded ``up`` or down."""
    if isinstance(bound, int):
        return bound
    exact = int(bound.rstrip("%")) * of / 100
    return math.ceil(exact) if up else math.floor(exact)


def plan(world: World) -> Actions:
    """What every deployment needs next."""
    for deployment in world.of(kinds.DEPLOYMENT):
        if is_leaving(deployment):
            continue
        rollout = rollout_of(deployment, world.owned(kinds.REPLICA_SET, deployment))
        yield from _next(rollout, world)
        yield from _status(rollout, world)


def rollout_of(deployment: Object, sets: list[Object]) -> Rollout:
    """The deployment and its replica sets, oldest first."""
    sets = sorted(sets, key=lambda one: (_revision(one), name_of(one)))
    template = canonical(deployment["spec"]["template"])
    new = next((one for one in sets if canonical(without_hash(one["spec"]["template"])) == template), None)
    return Rollout(deployment, new, tuple(one for one in sets if one is not new))


def without_hash(template: Object) -> Object:
    """The template without the label that tells replica sets apart."""
    out = clone(template)
    out["metadata"]["labels"].pop(HASH, None)
    return out


def template_hash(template: Object) -> str:
    """A short name for a template, of letters that make no words."""
    number = int(hashlib.sha256(canonical(template).encode()).hexdigest()[:12], 16)
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(10))


def _revision(replica_set: Object) -> int:
    return int(dig(replica_set, "metadata", "annotations", REVISION) or 0)


def _next(rollout: Rollout, world: World) -> Actions:
    if rollout.new is None:
        yield Create(kinds.REPLICA_SET, new_replica_set(rollout))
        return
    top = max((_revision(one) for one in rollout.old), default=0)
    if _revision(rollout.new) <= top:
        yield Replace(kinds.REPLICA_SET, _annotated(rollout.new, {REVISION: str(top + 1)}))
        return
    if _revision(rollout.deployment) != _revision(rollout.new):
        annotations = {REVISION: str(_revision(rollout.new))}
        yield Replace(kinds.DEPLOYMENT, _annotated(rollout.deployment, annotations))
        return
    recreate = rollout.deployment["spec"]["strategy"]["type"] == "Recreate"
    sizes = list(recreate_sizes(rollout, world) if recreate else rolling_sizes(rollout))
    if not rollout.deployment["spec"].get("paused"):
        for replica_set, size in sizes:
            yield from _scale(rollout, replica_set, size)
    if not sizes:
        yield from _forget(rollout)


def new_replica_set(rollout: Rollout) -> Object:
    """The replica set of the deployment's present template, with no pods yet."""
    deployment = rollout.deployment
    spec = deployment["spec"]
    name, template = template_hash(spec["template"]), clone(spec["template"])
    template["metadata"]["labels"][HASH] = name
    selector = clone(spec["selector"])
    selector.setdefault("matchLabels", {})[HASH] = name
    return {
        "metadata": {
            "name": f"{name_of(deployment)}-{name}",
            "namespace": namespace_of(deployment),
            "labels": template["metadata"]["labels"],
            "annotations": {REVISION: str(max((_revision(one) for one in rollout.old), default=0) + 1)},
            "ownerReferences": [owner_reference("apps/v1", "Deployment", deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    }


def _size(replica_set: Object) -> int:
    return int(replica_set["spec"]["replicas"])


def _available(replica_set: Object) -> int:
    return int(dig(replica_set, "status", "availableReplicas") or 0)


def rolling_sizes(rollout: Rollout) -> Iterator[tuple[Object, int]]:
    """The replica sets that should have another size now, so that the bounds of the update hold."""
    new = rollout.new
    if new is None:
        return
    total = sum(map(_size, rollout.all))
    if _size(new) > rollout.desired:
        yield new, rollout.desired
        return
    room = rollout.desired + rollout.surge - total
    if _size(new) < rollout.desired and room > 0:
        yield new, min(rollout.desired, _size(new) + room)
        return
    yield from _shrunk(rollout, new, total)


def _shrunk(rollout: Rollout, new: Object, total: int) -> Iterator[tuple[Object, int]]:
    """Old sets made smaller: first by pods that are not available anyway, then by what can be spared."""
    least = rollout.desired - rollout.unavailable
    spare = total - least - (_size(new) - _available(new))
    sizes = {name_of(one): _size(one) for one in rollout.old}
    for one in rollout.old:
        sick = min(max(spare, 0), max(0, _size(one) - _available(one)))
        sizes[name_of(one)] -= sick
        spare -= sick
    spare = min(spare, sum(map(_available, rollout.all)) - least)
    for one in rollout.old:
        gone = min(max(spare, 0), sizes[name_of(one)])
        sizes[name_of(one)] -= gone
        spare -= gone
        if sizes[name_of(one)] != _size(one):
            yield one, sizes[name_of(one)]


def recreate_sizes(rollout: Rollout, world: World) -> Iterator[tuple[Object, int]]:
    """The same without overlap: the new set grows when the last old pod is gone."""
    large = [one for one in rollout.old if _size(one)]
    yield from ((one, 0) for one in large)
    left = any(world.owned(kinds.POD, one) for one in rollout.old)
    if rollout.new and not large and not left and _size(rollout.new) != rollout.desired:
        yield rollout.new, rollout.desired


def _scale(rollout: Rollout, replica_set: Object, size: int) -> Actions:
    before = _size(replica_set)
    limits = {DESIRED: str(rollout.desired), MAXIMUM: str(rollout.desired + rollout.surge)}
    out = _annotated(replica_set, limits)
    out["spec"]["replicas"] = size
    yield Replace(kinds.REPLICA_SET, out)
    way = "up" if size > before else "down"
    message = f"Scaled {way} replica set {name_of(replica_set)} from {before} to {size}"
    yield Tell(kinds.DEPLOYMENT, rollout.deployment, COMPONENT, "ScalingReplicaSet", message)


def _annotated(obj: Object, annotations: dict[str, str]) -> Object:
    out = clone(obj)
    out["metadata"]["annotations"] = out["metadata"].get("annotations", {}) | annotations
    return out


def _forget(rollout: Rollout) -> Actions:
    """Drops empty sets beyond the history that the deployment wants."""
    empty = [one for one in rollout.old if not _size(one) and not dig(one, "status", "replicas")]
    for one in empty[: max(0, len(empty) - int(rollout.deployment["spec"]["revisionHistoryLimit"]))]:
        yield Delete(kinds.REPLICA_SET, one)


def _status(rollout: Rollout, world: World) -> Actions:
    out = clone(rollout.deployment)
    out["status"] = status_of(rollout, world)
    if out["status"] != rollout.deployment.get("status"):
        yield Replace(kinds.DEPLOYMENT, out, status=True)


def status_of(rollout: Rollout, world: World) -> Object:
    """The deployment's status: counts and conditions."""
    counts = _counts(rollout)
    status: Object = {"observedGeneration": rollout.deployment["metadata"]["generation"]}
    status |= {name: number for name, number in counts.items() if number}
    conditions = list(dig(rollout.deployment, "status", "conditions") or [])
    for new in (_availability(rollout, counts), _progress(rollout, counts, world)):
        conditions = _noted(conditions, new, world) if new else conditions
    return status | {"conditions": conditions}


def _counts(rollout: Rollout) -> dict[str, int]:
    def total(field: str, sets: list[Object]) -> int:
        return sum(int(dig(one, "status", field) or 0) for one in sets)

    available = total("availableReplicas", rollout.all)
    return {
        "replicas": total("replicas", rollout.all),
        "updatedReplicas": total("replicas", [rollout.new] if rollout.new else []),
        "readyReplicas": total("readyReplicas", rollout.all),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(rollout.desired, sum(map(_size, rollout.all))) - available),
    }


def _noted(conditions: list[Object], new: Object, world: World) -> list[Object]:
    """The conditions with this one; an unchanged one keeps its times, so that nothing is written."""
    old = next((one for one in conditions if one["type"] == new["type"]), None)
    if old and all(old.get(key) == new[key] for key in ("status", "reason", "message")) and "lastUpdateTime" not in new:
        return conditions
    times = {"lastUpdateTime": timestamp(world.now), "lastTransitionTime": timestamp(world.now)}
    return set_condition(conditions, times | new)


def _availability(rollout: Rollout, counts: dict[str, int]) -> Object:
    if counts["availableReplicas"] >= rollout.desired - rollout.unavailable:
        state, word, message = "True", "Available", "Deployment has minimum availability."
    else:
        state, word, message = "False", "Unavailable", "Deployment does not have minimum availability."
    return {"type": "Available", "status": state, "reason": f"MinimumReplicas{word}", "message": message}


def _progress(rollout: Rollout, counts: dict[str, int], world: World) -> Object | None:
    """The Progressing condition; None where it stays. A finished rollout does not time out later."""
    if rollout.new is None:
        return None
    name = f'ReplicaSet "{name_of(rollout.new)}"'
    old = condition(rollout.deployment, "Progressing")
    finished = all(counts[field] == rollout.desired for field in ("replicas", "updatedReplicas", "availableReplicas"))
    if finished:
        return _progressing("True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
    if old is None or name not in old["message"]:
        return _progressing("True", "NewReplicaSetCreated", f"{name} is new.") | {
            "lastUpdateTime": timestamp(world.now)
        }
    if _moved(rollout.deployment.get("status", {}), counts):
        moving = _progressing("True", "ReplicaSetUpdated", f"{name} is progressing.")
        return moving | {"lastUpdateTime": timestamp(world.now)}
    deadline = timedelta(seconds=int(rollout.deployment["spec"]["progressDeadlineSeconds"]))
    late = parse_time(old["lastUpdateTime"]) + deadline < world.now
    if old["status"] == "True" and old["reason"] != "NewReplicaSetAvailable" and late:
        return _progressing("False", "ProgressDeadlineExceeded", f"{name} has timed out progressing.")
    return None


def _progressing(state: str, reason: str, message: str) -> Object:
    return {"type": "Progressing", "status": state, "reason": reason, "message": message}


def _moved(status: Object, counts: dict[str, int]) -> bool:
    """Whether the rollout came closer to its end since the status was written."""
    grown = any(
        counts[field] > status.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    old_before = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    return grown or counts["replicas"] - counts["updatedReplicas"] < old_before
