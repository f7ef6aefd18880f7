"""Workloads as their owners write them: planned, applied, watched and pruned on the stand-in's API over TLS."""

from __future__ import annotations

from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from tests.kubernetes.served import Api
from tests.tasks.workload.shops import CONFIG_MAP, DEPLOYMENT, SERVICE, Shop, controllers

APPLY = "application/apply-patch+yaml"


def names(api: Api, kind: kinds.Kind) -> list[str]:
    return sorted(one["metadata"]["name"] for one in api.store.select(kind, "demo")[0])


def test_the_files_of_a_directory_are_planned_applied_and_pruned(shop: Shop, api: Api) -> None:
    shop.write({"manifests": "apps", "prune": True}, a_yaml=SERVICE, b_yml=f"{CONFIG_MAP}---\n{CONFIG_MAP}".replace(
        "name: settings", "name: other", 1))  # fmt: skip
    planned = shop.run(plan=True)
    # in the order of an apply, whatever the files' names
    expected = ["namespace:demo", "configmap:demo/other", "configmap:demo/settings", "service:demo/web"]
    assert (planned.error, planned.planned) == ("", expected)
    assert "+  level: debug" in planned.diff["configmap:demo/settings"]
    assert names(api, kinds.SERVICE) == []
    assert shop.run().error == ""
    assert names(api, kinds.SERVICE) == ["web"]
    (service,) = api.store.select(kinds.SERVICE, "demo")[0]
    assert service["metadata"]["labels"] == {"io.moor/namespace": "demo", "io.moor/workload": "web"}
    assert shop.run(plan=True).planned == []

    shop.write({"manifests": "apps", "prune": True}, b_yml=CONFIG_MAP.replace("debug", "info"))
    (shop.folder / "apps/a.yaml").unlink()
    planned = shop.run(plan=True)
    assert planned.planned == ["configmap:demo/settings", "prune:demo/web"]
    assert "-  level: debug" in planned.diff["configmap:demo/settings"]
    for left in ("service:demo/web", "configmap:demo/other"):
        assert f"{left}: there, and no longer in the manifests -> deleted" in planned.diff["prune:demo/web"]
    assert names(api, kinds.SERVICE) == ["web"]
    assert shop.run().error == ""
    assert (names(api, kinds.SERVICE), names(api, kinds.CONFIG_MAP)) == ([], ["settings"])
    assert shop.run(plan=True).planned == []


def test_without_prune_nothing_is_deleted_and_with_it_nothing_of_others(shop: Shop, api: Api) -> None:
    shop.write({"manifests": "apps"}, a_yaml=SERVICE, b_yaml=CONFIG_MAP)
    assert shop.run().error == ""
    with api.http() as plain:
        own = {"metadata": {"name": "theirs", "labels": {"io.moor/namespace": "demo", "io.moor/workload": "other"}}}
        assert plain.post("/api/v1/namespaces/demo/configmaps", json=own).status_code == 201
        assert plain.post("/api/v1/namespaces/demo/configmaps", json={"metadata": {"name": "x"}}).status_code == 201
    (shop.folder / "apps/a.yaml").unlink()
    assert shop.run(plan=True).planned == []
    shop.write({"manifests": [], "prune": True})
    assert shop.run(plan=True).planned == ["prune:demo/web"]
    assert shop.run().error == ""
    assert names(api, kinds.SERVICE) == []
    assert names(api, kinds.CONFIG_MAP) == ["theirs", "x"]


def test_what_was_changed_by_hand_is_drift_and_is_mended(shop: Shop, api: Api) -> None:
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=CONFIG_MAP)
    assert shop.run().error == ""
    with api.http() as plain:
        changed = plain.patch(
            "/api/v1/namespaces/demo/configmaps/settings?fieldManager=kubectl-edit",
            json={"data": {"level": "trace", "more": "mine"}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
    assert changed.status_code == 200, changed.text
    drifted = shop.run(plan=True, examining=True)
    assert (drifted.error, drifted.planned) == ("", ["configmap:demo/settings"])
    assert "-  level: trace\n" in drifted.diff["configmap:demo/settings"]
    assert shop.run().error == ""
    (found,) = api.store.select(kinds.CONFIG_MAP, "demo")[0]
    assert found["data"] == {"level": "debug", "more": "mine"}


@pytest.mark.parametrize(
    ("manager", "query", "media"),
    [
        ("kubectl-client-side-apply", "fieldManager=kubectl-client-side-apply", "application/merge-patch+json"),
        ("argocd-controller", "fieldManager=argocd-controller&force=true", APPLY),
    ],
)
def test_fields_that_others_apply_are_told_and_not_fought(
    shop: Shop, api: Api, manager: str, query: str, media: str
) -> None:
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=CONFIG_MAP)
    assert shop.run().error == ""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "warn"}}
    with api.http() as plain:
        headers = {"Content-Type": media}
        asked = plain.patch(f"/api/v1/namespaces/demo/configmaps/settings?{query}", json=body, headers=headers)
    assert asked.status_code == 200, asked.text
    for plan in (True, False):
        error = shop.run(plan=plan).error
        assert (
            f"configmap:demo/settings: others manage fields of it with other values: .data.level ({manager})" in error
        )
        assert f"take_over: [{manager}]" in error
    (found,) = api.store.select(kinds.CONFIG_MAP, "demo")[0]
    assert found["data"] == {"level": "warn"}
    shop.write({"manifests": "apps/a.yaml", "take_over": [manager]})
    assert shop.run().error == ""
    (found,) = api.store.select(kinds.CONFIG_MAP, "demo")[0]
    assert found["data"] == {"level": "debug"}


def test_an_object_that_somebody_made_is_adopted_only_where_both_say_the_same(shop: Shop, api: Api) -> None:
    api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo"}})
    with api.http() as plain:
        body = {"metadata": {"name": "settings"}, "data": {"level": "debug"}}
        asked = plain.post("/api/v1/namespaces/demo/configmaps?fieldManager=kubectl-create", json=body)
        assert asked.status_code == 201, asked.text
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=CONFIG_MAP.replace("debug", "info"))
    assert ".data.level (kubectl-create)" in shop.run(plan=True).error
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=CONFIG_MAP)
    assert shop.run().error == ""


def test_replicas_are_an_autoscalers_also_while_it_comes_with_the_deployment(shop: Shop, api: Api) -> None:
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=DEPLOYMENT)
    with controllers(api):
        assert shop.run().error == ""
    scaler = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""
    shop.write({"manifests": "apps"}, a_yaml=DEPLOYMENT.replace("  replicas: 2\n", ""), b_yaml=scaler)
    planned = shop.run(plan=True)
    assert (planned.error, planned.planned) == ("", ["horizontalpodautoscaler:demo/web"])
    assert shop.run().error == ""
    (found,) = api.store.select(kinds.DEPLOYMENT, "demo")[0]
    assert found["spec"]["replicas"] == 2


def test_images_are_rewritten_to_the_registry_and_their_pods_get_the_pull_secret(shop: Shop, api: Api) -> None:
    text = DEPLOYMENT.replace("registry.test/demo/web:1", "nginx:1.29")
    rules = {"docker.io": "hub", "ghcr.io/acme": "acme"}
    shop.write({"manifests": "apps/a.yaml", "rewrite_images": rules, "robot": "puller"}, a_yaml=text)
    with controllers(api):
        assert shop.run().error == ""
    (found,) = api.store.select(kinds.DEPLOYMENT, "demo")[0]
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == "registry.test/hub/library/nginx:1.29"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert names(api, kinds.SECRET) == ["registry"]


def test_a_namespace_that_refuses_pods_is_told_before_anything_is_applied(shop: Shop, api: Api) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo", "labels": labels}})
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=DEPLOYMENT)
    error = shop.run().error
    assert "deployment:demo/web: its pods would not be admitted: the cluster says 403: " in error
    assert 'violates PodSecurity "restricted:latest"' in error
    assert names(api, kinds.DEPLOYMENT) == []


def test_a_custom_resource_needs_its_definition(shop: Shop) -> None:
    text = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: x}\nspec: {}\n"
    shop.write({"manifests": "apps"}, a_yaml=CONFIG_MAP, b_yaml=text)
    error = shop.run(plan=True).error
    assert "workload web: the cluster has no kind Certificate of cert-manager.io/v1" in error


def test_a_secret_of_the_manifests_shows_nowhere(shop: Shop) -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {key: very-secret-word}\n"
    shop.write({"manifests": "apps/a.yaml"}, a_yaml=text)
    planned = shop.run(plan=True)
    assert planned.planned == ["namespace:demo", "secret:demo/x"]
    assert "very-secret-word" not in planned.diff["secret:demo/x"]
