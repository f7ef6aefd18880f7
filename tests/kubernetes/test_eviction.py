"""Evictions: budgets of disruption refuse them for now, and kubectl drain understands the refusal."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.access import ADMIN, User
from moor_lab.kubernetes.standin.api.requests import Request, Response
from moor_lab.kubernetes.standin.api.routes import answer
from moor_lab.kubernetes.standin.errors import ApiError
from moor_lab.kubernetes.standin.objects import Object, clone, name_of
from tests.harness.waiting import until
from tests.kubernetes.acting import acting
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import daemon_set, deployment
from tests.kubernetes.served import Api

BUDGET = kinds.DISRUPTION_BUDGET
RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}
ADMINISTRATOR = User("admin", (ADMIN,))


def budget(name: str = "web", **spec: Any) -> Object:
    """Return a budget for the pods of the deployment ``web``."""
    metadata = {"name": name, "namespace": "demo"}
    spec = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}


def status(fleet: Fleet, name: str = "web") -> list[int]:
    found = fleet.cluster.store.get(BUDGET, "demo", name).get("status", {})
    return [found.get(key) for key in ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")]


def evict(fleet: Fleet, name: str, user: User = ADMINISTRATOR, **query: str) -> Response:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "demo"}}
    path = f"/api/v1/namespaces/demo/pods/{name}/eviction"
    return answer(fleet.cluster, Request("POST", path, query, user, body=json.dumps(body).encode()))


def refusal(fleet: Fleet, name: str) -> Object:
    with pytest.raises(ApiError) as error:
        evict(fleet, name)
    return error.value.status


@pytest.fixture
def web(fleet: Fleet) -> Fleet:
    """Return a cluster with three pods that are ready."""
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    return fleet


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"minAvailable": 2}, [3, 2, 3, 1]),
        ({"minAvailable": 5}, [3, 5, 3, 0]),
        ({"minAvailable": "50%"}, [3, 2, 3, 1]),  # rounded up
        ({"maxUnavailable": 1}, [3, 2, 3, 1]),
        ({"maxUnavailable": "34%"}, [3, 1, 3, 2]),  # rounded up
        ({"maxUnavailable": 0}, [3, 3, 3, 0]),
        ({"minAvailable": 1, "selector": {}}, [3, 1, 3, 2]),  # every pod of the namespace
        ({"minAvailable": 1, "selector": {"matchLabels": {"app": "nobody"}}}, [0, 1, 0, 0]),
    ],
)
def test_a_budget_says_how_many_pods_it_can_spare(web: Fleet, spec: Object, counts: list[int]) -> None:
    web.apply(BUDGET, budget(**spec))
    web.settle()
    assert status(web) == counts


def test_a_budget_refuses_what_it_cannot_spare_until_another_pod_is_ready(web: Fleet) -> None:
    web.apply(BUDGET, budget(minAvailable=2))
    web.settle()
    first, second, _ = [name_of(pod) for pod in web.pods()]
    done = evict(web, first)
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    assert (done.code, done.body) == (201, success)
    refused = refusal(web, second)
    assert (refused["code"], refused["reason"]) == (429, "TooManyRequests")
    assert refused["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    cause = "The disruption budget web needs 2 healthy pods and has 3 currently"
    assert refused["details"] == {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    web.settle()  # the controller makes another pod, and the budget sees it
    assert evict(web, second).code == 201


def test_a_budget_that_nobody_has_looked_at_yet_refuses(web: Fleet) -> None:
    web.apply(BUDGET, budget(minAvailable=1))
    refused = refusal(web, name_of(web.pods()[0]))
    assert refused["details"]["retryAfterSeconds"] == 10
    assert refused["details"]["causes"][0]["message"].endswith("web is still being processed by the server.")


def test_two_budgets_for_one_pod_are_a_failure_of_its_own(web: Fleet) -> None:
    for name in ("web", "web-2"):
        web.apply(BUDGET, budget(name, minAvailable=1))
    web.settle()
    body = evict(web, name_of(web.pods()[0])).body
    assert isinstance(body, dict)
    assert (body["status"], body["code"]) == ("Failure", 500)
    assert len(web.pods()) == 3


def test_a_pod_that_is_not_ready_goes_by_its_budgets_policy(fleet: Fleet) -> None:
    fleet.broken_images.add("registry.test/demo/web:1")
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=1))
    fleet.settle()
    [pod] = fleet.pods()
    running = clone(pod)
    running["status"]["phase"] = "Running"  # but not ready
    fleet.cluster.store.replace(kinds.POD, running)
    fleet.apply(BUDGET, budget(minAvailable=1))
    fleet.settle()
    assert refusal(fleet, name_of(pod))["code"] == 429
    fleet.apply(BUDGET, budget(minAvailable=1, unhealthyPodEvictionPolicy="AlwaysAllow"))
    fleet.settle()
    assert evict(fleet, name_of(pod)).code == 201


def test_a_dry_run_evicts_nothing_and_a_stranger_may_not(web: Fleet) -> None:
    name = name_of(web.pods()[0])
    assert evict(web, name, dryRun="All").code == 201
    assert len(web.pods()) == 3
    with pytest.raises(ApiError) as error:
        evict(web, name, User("mallory", ()))
    assert error.value.code == 403
    with pytest.raises(ApiError) as error:
        evict(web, "nobody")
    assert error.value.code == 404


def test_the_right_to_make_pods_is_none_to_evict_them(web: Fleet) -> None:
    name, stranger = name_of(web.pods()[0]), User("mallory", ())
    subjects = [{"kind": "User", "apiGroup": kinds.RBAC, "name": "mallory"}]
    reference = {"apiGroup": kinds.RBAC, "kind": "ClusterRole", "name": "may"}
    binding = {**RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": "may"}, "roleRef": reference}
    web.apply(kinds.CLUSTER_ROLE_BINDING, {**binding, "subjects": subjects})

    def allow(resource: str) -> None:
        rule = {"apiGroups": [""], "resources": [resource], "verbs": ["create"]}
        web.apply(kinds.CLUSTER_ROLE, {**RBAC, "kind": "ClusterRole", "metadata": {"name": "may"}, "rules": [rule]})

    allow("pods")
    with pytest.raises(ApiError) as error:
        evict(web, name, stranger)
    assert error.value.code == 403
    allow("pods/eviction")
    assert evict(web, name, stranger).code == 201


def test_kubectl_drains_a_node_past_a_budget_and_a_daemon_set(api: Api) -> None:
    with acting(api, "n1", "n2", "n3") as fleet:
        api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo"}})
        fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
        logs = daemon_set()
        logs["spec"]["template"]["spec"]["containers"][0].pop("ports")  # a pod of the lab has its node's ports
        fleet.apply(kinds.DAEMON_SET, logs)
        fleet.apply(BUDGET, budget(minAvailable=1))
        until(lambda: status(fleet) == [2, 1, 2, 1], "two pods are ready", limit_s=20)
        drain = ["kubectl", "--kubeconfig", str(api.kubeconfig), "drain", "n1", "--timeout=25s"]
        refused = subprocess.run(drain, capture_output=True, text=True, timeout=30, check=False)
        assert "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" in refused.stderr
        done = subprocess.run([*drain, "--ignore-daemonsets"], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, "node/n1 drained" in done.stdout) == (0, True), done.stdout + done.stderr
        assert {pod["spec"]["nodeName"] for pod in fleet.pods()} == {"n2", "n3"}
        assert {pod["spec"]["nodeName"] for pod in fleet.pods("log")} == {"n1", "n2", "n3"}
