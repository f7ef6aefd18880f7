"""The controller of PodDisruptionBudgets: how many healthy pods each wants, has, and can spare.

Source  Kubernetes, pkg/controller/disruption/disruption.go.
"""

from datetime import datetime, timedelta
from math import ceil

from .. import kinds
from ..objects import Object, clone, dig, name_of, namespace_of, owner, parse_time, set_condition, timestamp
from ..selectors import matches
from .snapshot import Actions, Replace, Snapshot, is_leaving, is_ready

FORGOTTEN_S = 120
"""Seconds after which a pod whose eviction was allowed counts again if it is still there."""

SCALED = (kinds.REPLICA_SET, kinds.STATEFUL_SET)


def plan(snapshot: Snapshot) -> Actions:
    """Yield the budgets whose status is out of date."""
    for budget in snapshot.of(kinds.DISRUPTION_BUDGET):
        wanted = status_of(snapshot, budget)
        if wanted != (budget.get("status") or {}):
            out = clone(budget)
            out["status"] = wanted
            yield Replace(kinds.DISRUPTION_BUDGET, out, status=True)


def status_of(snapshot: Snapshot, budget: Object) -> Object:
    """Return the status that a budget should have."""
    pods = [pod for pod in snapshot.of(kinds.POD) if _selected(budget, pod)]
    active = [pod for pod in pods if dig(pod, "status", "phase") not in ("Succeeded", "Failed")]
    disrupted = _disrupted(budget, active, snapshot.now)
    healthy = sum(is_ready(pod) and not is_leaving(pod) and name_of(pod) not in disrupted for pod in active)
    expected, desired = _counts(snapshot, budget, active)
    allowed = max(0, healthy - desired) if expected > 0 else 0
    generation = budget["metadata"].get("generation", 1)
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": timestamp(snapshot.now),
    }
    found: Object = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": set_condition(dig(budget, "status", "conditions") or [], condition),
    }
    return found | ({"disruptedPods": disrupted} if disrupted else {})


def _selected(budget: Object, pod: Object) -> bool:
    selector = dig(budget, "spec", "selector")
    same_place = namespace_of(budget) == namespace_of(pod)
    return same_place and selector is not None and matches(selector, pod["metadata"].get("labels") or {})


def _disrupted(budget: Object, pods: list[Object], now: datetime) -> Object:
    """Return the pods whose eviction was allowed and has not happened yet, with the time when it was."""
    there = {name_of(pod) for pod in pods if not is_leaving(pod)}
    known: Object = dig(budget, "status", "disruptedPods") or {}
    oldest = now - timedelta(seconds=FORGOTTEN_S)
    return {name: since for name, since in known.items() if name in there and parse_time(since) > oldest}


def _counts(snapshot: Snapshot, budget: Object, pods: list[Object]) -> tuple[int, int]:
    """Return how many pods there should be, and how many of them healthy."""
    least, most = (dig(budget, "spec", key) for key in ("minAvailable", "maxUnavailable"))
    if most is not None:
        expected = _scale(snapshot, pods)
        return expected, max(0, expected - _part(most, expected))
    if isinstance(least, str):
        expected = _scale(snapshot, pods)
        return expected, _part(least, expected)
    return len(pods), least or 0


def _part(amount: int | str, total: int) -> int:
    """Return a number, or a share rounded up."""
    return ceil(int(amount.rstrip("%")) * total / 100) if isinstance(amount, str) else amount


def _scale(snapshot: Snapshot, pods: list[Object]) -> int:
    """Return how many pods the controllers of these pods want."""
    owners = {by["uid"] for pod in pods if (by := owner(pod))}
    sets = (one for kind in SCALED for one in snapshot.of(kind) if one["metadata"]["uid"] in owners)
    return sum(int(dig(one, "spec", "replicas") or 0) for one in sets)
