"""The sizes of a deployment's replica sets during a rollout; pure.

Source  Kubernetes' pkg/controller/deployment (rolling.go, recreate.go), in its simplest form.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from .. import kinds
from ..objects import Object, canonical, clone, dig, name_of, namespace_of, owner_reference
from .snapshot import Snapshot

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True)
class Rollout:
    """A deployment with its replica sets; ``new`` is the one of the current template."""

    deployment: Object
    new: Object | None
    old: tuple[Object, ...]

    @property
    def desired(self) -> int:
        """Return the desired number of pods."""
        return int(self.deployment["spec"]["replicas"])

    @property
    def all(self) -> list[Object]:
        """Return all replica sets."""
        return [*self.old, *([self.new] if self.new else [])]

    @property
    def surge(self) -> int:
        """Return how many pods there may be beyond the desired number."""
        return self._bounds()[0]

    @property
    def unavailable(self) -> int:
        """Return how many of the desired pods may be missing."""
        return self._bounds()[1]

    def _bounds(self) -> tuple[int, int]:
        rolling = dig(self.deployment, "spec", "strategy", "rollingUpdate")
        if not rolling:
            return 0, self.desired
        surge = absolute(rolling["maxSurge"], self.desired, up=True)
        unavailable = absolute(rolling["maxUnavailable"], self.desired, up=False)
        return surge, min(self.desired, unavailable or (0 if surge else 1))


def absolute(bound: int | str, of: int, *, up: bool) -> int:
    """Return a bound as a number of pods: ``"25%"`` of ``of``, rounded ``up`` or down."""
    if isinstance(bound, int):
        return bound
    exact = int(bound.rstrip("%")) * of / 100
    return math.ceil(exact) if up else math.floor(exact)


def rollout_of(deployment: Object, sets: list[Object]) -> Rollout:
    """Return the deployment and its replica sets, oldest first."""
    sets = sorted(sets, key=lambda one: (revision_of(one), name_of(one)))
    template = canonical(deployment["spec"]["template"])
    new = next((one for one in sets if canonical(without_hash(one["spec"]["template"])) == template), None)
    return Rollout(deployment, new, tuple(one for one in sets if one is not new))


def without_hash(template: Object) -> Object:
    """Return the template without the label that distinguishes replica sets."""
    out = clone(template)
    out["metadata"]["labels"].pop(HASH, None)
    return out


def template_hash(template: Object) -> str:
    """Return a short hash of a template, of letters that spell no words."""
    number = int(hashlib.sha256(canonical(template).encode()).hexdigest()[:12], 16)
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(10))


def revision_of(replica_set: Object) -> int:
    """Return the revision of a deployment or a replica set; 0 if it has none yet."""
    return int(dig(replica_set, "metadata", "annotations", REVISION) or 0)


def new_replica_set(rollout: Rollout) -> Object:
    """Return a new replica set for the deployment's current template, with no pods yet."""
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
            "annotations": {REVISION: str(max((revision_of(one) for one in rollout.old), default=0) + 1)},
            "ownerReferences": [owner_reference("apps/v1", "Deployment", deployment)],
        },
        "spec": {
            "replicas": 0,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    }


def size_of(replica_set: Object) -> int:
    """Return how many pods a replica set should have."""
    return int(replica_set["spec"]["replicas"])


def available_of(replica_set: Object) -> int:
    """Return how many of its pods are available."""
    return int(dig(replica_set, "status", "availableReplicas") or 0)


def rolling_sizes(rollout: Rollout) -> Iterator[tuple[Object, int]]:
    """Yield the replica sets to resize now within the bounds of the rolling update."""
    new = rollout.new
    if new is None:
        return
    total = sum(map(size_of, rollout.all))
    if size_of(new) > rollout.desired:
        yield new, rollout.desired
        return
    room = rollout.desired + rollout.surge - total
    if size_of(new) < rollout.desired and room > 0:
        yield new, min(rollout.desired, size_of(new) + room)
        return
    yield from _shrunk(rollout, new, total)


def _shrunk(rollout: Rollout, new: Object, total: int) -> Iterator[tuple[Object, int]]:
    """Yield old sets to shrink: first by unavailable pods, then by as many as maxUnavailable allows."""
    least = rollout.desired - rollout.unavailable
    spare = total - least - (size_of(new) - available_of(new))
    sizes = {name_of(one): size_of(one) for one in rollout.old}
    for one in rollout.old:
        sick = min(max(spare, 0), max(0, size_of(one) - available_of(one)))
        sizes[name_of(one)] -= sick
        spare -= sick
    spare = min(spare, sum(map(available_of, rollout.all)) - least)
    for one in rollout.old:
        gone = min(max(spare, 0), sizes[name_of(one)])
        sizes[name_of(one)] -= gone
        spare -= gone
        if sizes[name_of(one)] != size_of(one):
            yield one, sizes[name_of(one)]


def recreate_sizes(rollout: Rollout, snapshot: Snapshot) -> Iterator[tuple[Object, int]]:
    """Yield the replica sets to resize with strategy Recreate: the new set grows after the last old pod is gone."""
    large = [one for one in rollout.old if size_of(one)]
    yield from ((one, 0) for one in large)
    left = any(snapshot.owned(kinds.POD, one) for one in rollout.old)
    if rollout.new and not large and not left and size_of(rollout.new) != rollout.desired:
        yield rollout.new, rollout.desired
