"""The eviction subresource of pods: a deletion that budgets of disruption may refuse for now.

Source  Kubernetes, pkg/registry/core/pod/storage/eviction.go; concepts/scheduling-eviction/api-eviction.
"""

from typing import Any

from .. import kinds
from ..errors import ApiError, bad_request, not_allowed, refused, status
from ..objects import Object, clone, dig, is_true, name_of, timestamp
from ..selectors import matches
from .cluster import Cluster
from .options import Options
from .requests import Request, Response, Target, body_of, is_dry

VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
RETRY_S = 10


def answer_eviction(cluster: Cluster, request: Request, target: Target) -> Response:
    """Return the response to a POST: a Status. Raises ApiError: 400, 403, 404, 405, 429."""
    if request.method != "POST":
        raise not_allowed(request.method)
    body = body_of(request)
    if not isinstance(body, dict) or body.get("kind") not in ("Eviction", None):
        raise bad_request("not a Eviction object")
    if name_of(body) != target.name:
        raise bad_request("name in URL does not match name in Eviction object")
    with cluster.store.lock:
        pod = cluster.store.get(kinds.POD, target.namespace, target.name)
        options: Object = body.get("deleteOptions") or {}
        dry = is_dry(request, options)
        budgets = [] if _needs_no_budget(pod) else budgets_of(cluster, pod)
        if len(budgets) > 1:  # a real server sends this failure with 201 as well
            return Response(status("Failure", SEVERAL, "", None, 500), 201)
        for budget in budgets:
            _take(cluster, budget, pod, dry)
        cluster.delete(kinds.POD, target.namespace, target.name, options, dry)
    return Response(status("Success", "", "", None, 201), 201)


def budgets_of(cluster: Cluster, pod: Object) -> list[Object]:
    """Return the budgets that select a pod; one without a selector selects none, an empty selector every pod."""
    labels = pod["metadata"].get("labels") or {}
    found = cluster.store.select(kinds.DISRUPTION_BUDGET, pod["metadata"]["namespace"])[0]
    return [one for one in found if _selects(one, labels)]


def _selects(budget: Object, labels: dict[str, str]) -> bool:
    selector: Any = dig(budget, "spec", "selector")
    return selector is not None and matches(selector, labels)


def _needs_no_budget(pod: Object) -> bool:
    """Return whether a pod has ended, has not begun, or is being deleted already."""
    phase = dig(pod, "status", "phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


def _take(cluster: Cluster, budget: Object, pod: Object, dry: bool) -> None:
    """Take one disruption from a budget. Raises ApiError: 403, 429."""
    found: Object = budget.get("status") or {}
    name = name_of(budget)
    if not is_true(pod, "Ready") and _lets_unhealthy_go(budget):
        return
    if found.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", RETRY_S)
    allowed = found.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise refused(kinds.DISRUPTION_BUDGET, name, "pdb disruptions allowed is negative")
    if allowed == 0:
        wanted, present = found.get("desiredHealthy", 0), found.get("currentHealthy", 0)
        raise _too_many(f"The disruption budget {name} needs {wanted} healthy pods and has {present} currently", 0)
    if dry:
        return
    out = clone(budget)
    disrupted = {**(found.get("disruptedPods") or {}), name_of(pod): timestamp(cluster.clock())}
    out["status"] = {**found, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}
    options = Options(manager="kube-apiserver", subresource="status")
    cluster.update(kinds.DISRUPTION_BUDGET, budget["metadata"]["namespace"], name, out, options)


def _lets_unhealthy_go(budget: Object) -> bool:
    """Return whether a pod that is not ready may go: always by its policy, else while the budget itself is kept."""
    if dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    wanted, present = (dig(budget, "status", key) or 0 for key in ("desiredHealthy", "currentHealthy"))
    return bool(present >= wanted > 0)


def _too_many(cause: str, retry_s: int) -> ApiError:
    """Return error 429: not now."""
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    details |= {"retryAfterSeconds": retry_s} if retry_s else {}
    return ApiError(429, "TooManyRequests", VIOLATES, details)
