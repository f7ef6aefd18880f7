"""Namespaces, manifests and what the cluster says of them, on the stand-in's API served over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace

from moor.tasks.cluster.objects import Manifest
from moor.tasks.cluster.objects import Namespace as HeldNamespace
from tests.kubernetes.samples import Object, deployment
from tests.kubernetes.served import Api
from tests.tasks.clusters import run

LEVEL = "pod-security.kubernetes.io/"


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with closing(api.client()) as client:
        yield client


def namespace(client: Client, labels: Object | None = None, annotations: Object | None = None) -> None:
    metadata = {"name": "demo", "labels": labels or {}, "annotations": annotations or {}}
    made: Any = Namespace.from_dict({"metadata": metadata})
    client.create(made)


def quota(api: Api, **hard: str) -> None:
    body = {"metadata": {"name": "small"}, "spec": {"hard": hard}}
    with api.http() as plain:
        assert plain.post("/api/v1/namespaces/demo/resourcequotas", json=body).status_code == 201


def config_map(**data: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "demo"}, "data": data}


def test_a_namespace_that_is_missing_is_made_and_one_that_is_there_is_left_alone(api: Api, client: Client) -> None:
    held = HeldNamespace("demo")
    assert run(api.kubeconfig, [held], plan=True).planned == ["namespace:demo"]
    assert run(api.kubeconfig, [held]).status == {"namespace:demo": "changed"}
    assert run(api.kubeconfig, [held], plan=True).planned == []
    assert client.get(Namespace, "demo").metadata.name == "demo"  # type: ignore[union-attr]


def test_a_tenant_that_may_not_look_at_its_namespace_is_told_what_to_say_and_then_works_in_it(
    api: Api, client: Client
) -> None:
    namespace(client)
    tenant = api.tenant("demo")
    refused = run(tenant, [HeldNamespace("demo")], plan=True)
    assert "cannot get resource" in refused.error
    assert "write manage_namespace: false in the workload" in refused.error
    applied = run(tenant, [HeldNamespace("demo", manage=False), Manifest(deployment())])
    assert (applied.error, applied.status["deployment:demo/web"]) == ("", "changed")


def test_a_namespace_that_its_owner_has_not_made_yet_stops_the_plan(api: Api) -> None:
    planned = run(api.kubeconfig, [HeldNamespace("demo", manage=False), Manifest(config_map(a="b"))], plan=True)
    assert "it does not exist, and with manage_namespace: false its owner has to create it" in planned.error


def test_what_no_apply_could_do_is_refused_by_the_plan_all_at_once_and_nothing_is_made(
    api: Api, client: Client
) -> None:
    namespace(client)
    wrong = deployment()
    wrong["spec"]["replcas"] = 2
    planned = run(api.kubeconfig, [Manifest(wrong), Manifest(deployment(replicas=-1, name="other"))], plan=True)
    assert ".spec.replcas: field not declared in schema" in planned.error
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in planned.error
    assert list(client.list(Deployment, namespace="demo")) == []


@pytest.mark.parametrize("field", ["replicas", "selector"])
def test_wrong_fields_are_refused_by_a_plan_though_the_namespace_is_not_there_yet(api: Api, field: str) -> None:
    wrong = deployment()
    wrong["spec"][field] = {"replicas": -1, "selector": {"matchLabels": {"app": "other"}}}[field]
    planned = run(api.kubeconfig, [HeldNamespace("demo"), Manifest(wrong)], plan=True)
    assert 'Deployment.apps "web" is invalid' in planned.error


def test_what_only_a_namespace_that_exists_can_say_is_known_later(api: Api, client: Client) -> None:
    planned = run(api.kubeconfig, [HeldNamespace("demo"), Manifest(deployment())], plan=True)
    assert planned.planned == ["namespace:demo", "deployment:demo/web"]
    words = "policies: (none) -> (known later: whether the policies and quotas of namespace demo allow it"
    assert words in planned.diff["deployment:demo/web"]
    assert list(client.list(Namespace)) != []
    assert not [one for one in client.list(Namespace) if one.metadata and one.metadata.name == "demo"]


@pytest.mark.parametrize(
    ("labels", "annotations", "words"),
    [
        ({f"{LEVEL}enforce": "restricted"}, {}, 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation'),
        (
            {},
            {"moor.test/webhook-denies": "not from here"},
            "denied the request: not from here",
        ),
    ],
)
def test_a_policy_that_looks_at_pods_alone_is_known_by_the_plan(
    api: Api, client: Client, labels: Object, annotations: Object, words: str
) -> None:
    namespace(client, labels, annotations)
    planned = run(api.kubeconfig, [Manifest(deployment())], plan=True)
    assert "deployment:demo/web: its pods would not be admitted: the cluster says 403: " in planned.error
    assert words in planned.error


def test_a_quota_is_known_by_the_plan_of_what_is_new_and_is_not_held_against_what_uses_it(
    api: Api, client: Client
) -> None:
    namespace(client)
    quota(api, pods="0")
    new = run(api.kubeconfig, [Manifest(deployment())], plan=True)
    assert "exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0" in new.error
    made: Any = Deployment.from_dict(deployment())
    client.apply(made, field_manager="other")
    held = Manifest(deployment("registry.test/demo/web:2"), take_over=frozenset({"other"}))
    changed = run(api.kubeconfig, [held], plan=True)
    assert (changed.error, changed.planned) == ("", ["deployment:demo/web"])


def test_a_quota_of_objects_is_known_by_the_plan(api: Api, client: Client) -> None:
    namespace(client)
    quota(api, configmaps="0")
    planned = run(api.kubeconfig, [Manifest(config_map(a="b"))], plan=True)
    assert "exceeded quota: small, requested: configmaps=1" in planned.error


def test_what_the_cluster_warns_of_is_told_once_in_plan_and_apply(api: Api, client: Client) -> None:
    namespace(client, {f"{LEVEL}warn": "restricted"})
    for plan in (True, False):
        ran = run(api.kubeconfig, [Manifest(deployment())], plan=plan)
        assert ran.error == ""
        (words,) = ran.found
        assert words.startswith('the cluster warns: would violate PodSecurity "restricted:latest": allowPrivilege')


def autoscale(api: Api, replicas: int) -> None:
    """An autoscaler that has decided, as the controller manager writes that."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, "maxReplicas": 9}}
    with api.http() as plain:
        made = plain.post("/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers", json=body)
        assert made.status_code in (201, 409), made.text
        scaled = plain.patch(
            "/apis/apps/v1/namespaces/demo/deployments/web?fieldManager=kube-controller-manager",
            json={"spec": {"replicas": replicas}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert scaled.status_code == 200, scaled.text


def replicas_of(client: Client) -> int:
    found = client.get(Deployment, "web", namespace="demo")
    return int(found.spec.replicas or 0) if found.spec else 0


def test_replicas_are_left_to_an_autoscaler_and_the_rest_is_still_held(api: Api, client: Client) -> None:
    namespace(client)
    held = Manifest(deployment(replicas=2))
    run(api.kubeconfig, [held])
    autoscale(api, 5)
    assert run(api.kubeconfig, [held], plan=True).planned == []
    assert run(api.kubeconfig, [Manifest(deployment("registry.test/demo/web:2", replicas=2))]).error == ""
    assert replicas_of(client) == 5
    autoscale(api, 7)
    assert run(api.kubeconfig, [Manifest(deployment("registry.test/demo/web:3", replicas=2))]).error == ""
    assert replicas_of(client) == 7


def test_an_autoscaler_that_has_not_decided_yet_finds_the_replicas_that_it_began_with(api: Api, client: Client) -> None:
    namespace(client)
    run(api.kubeconfig, [Manifest(deployment(replicas=4))])
    autoscale(api, 4)
    run(api.kubeconfig, [Manifest(deployment("registry.test/demo/web:2", replicas=2))])
    assert replicas_of(client) == 4


def test_replicas_that_somebody_set_by_hand_are_drift(api: Api, client: Client) -> None:
    namespace(client)
    held = Manifest(deployment(replicas=2))
    run(api.kubeconfig, [held])
    client.patch(Deployment, "web", {"spec": {"replicas": 1}}, namespace="demo")
    assert run(api.kubeconfig, [held], plan=True).planned == ["deployment:demo/web"]
    assert run(api.kubeconfig, [held]).error == ""
    assert replicas_of(client) == 2


def test_what_others_add_beside_our_fields_is_no_drift_and_stays(api: Api, client: Client) -> None:
    namespace(client)
    held = Manifest(deployment())
    run(api.kubeconfig, [held])
    sidecar = {"name": "mesh", "image": "mesh:1"}
    change: Object = {"spec": {"template": {"spec": {"containers": [sidecar]}}}}
    client.patch(Deployment, "web", change, namespace="demo")
    assert run(api.kubeconfig, [held], plan=True).planned == []
    run(api.kubeconfig, [Manifest(deployment("registry.test/demo/web:2"))])
    found: Any = client.get(Deployment, "web", namespace="demo").to_dict()
    assert sorted(one["name"] for one in found["spec"]["template"]["spec"]["containers"]) == ["mesh", "web"]
