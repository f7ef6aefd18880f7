"""Manifests against the secrets that will exist; what a cluster says, read."""

from typing import Any

import pytest
from nornir.core.inventory import Host
from pydantic import ValidationError

from moor.errors import InputError
from moor.tasks.cluster.admission import add_claimed_volumes
from moor.tasks.cluster.objects import yaml_of
from moor.tasks.pull_secrets.settings import PullSecrets
from moor.tasks.workload.checks import findings, placed_secrets
from moor.tasks.workload.objects import objects_of, template_values
from moor.tasks.workload.progress import progress
from moor.tasks.workload.rollout import Rollout
from moor.tasks.workload.settings import Workload, Workloads
from moor.templates import render
from moor_lab.kubernetes.standin.api.admission import violations

HOST = "registry.moor.test"
SECRETS = {("demo", "registry"), ("other", "elsewhere")}


def deployment(image: str = f"{HOST}/demo/sqrt:1.0", namespace: str = "demo", *secrets: str) -> dict[str, Any]:
    pod = {"imagePullSecrets": [{"name": name} for name in secrets], "containers": [{"name": "c", "image": image}]}
    return {
        "kind": "Deployment",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {"template": {"spec": pod}},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (deployment(f"{HOST}/demo/sqrt:1.0", "demo", "registry"), []),
        (deployment(f"{HOST}/demo/sqrt:1.0", "demo"), ["needs imagePullSecrets"]),
        (
            deployment(f"{HOST}/demo/sqrt:1.0", "demo", "registri"),
            ["names registri, which does not exist", "(there: registry)"],
        ),
        (deployment(f"{HOST}/demo/sqrt:1.0", "demo", "elsewhere"), ["does not exist in namespace demo"]),
        (deployment("docker.io/library/nginx", "demo", "registry"), ["is not in the registry registry.moor.test"]),
        (deployment(f"{HOST}:8443/demo/sqrt:1.0", "demo", "registry"), ["is not in the registry"]),
        (deployment(f"{HOST}/demo/sqrt:1.0", "other", "registry"), ["is in namespace other", "in namespace other"]),
        ({"kind": "Service", "metadata": {"namespace": "demo"}, "spec": {"ports": []}}, []),
    ],
)
def test_what_would_keep_pods_from_pulling_is_found_before_anything_is_applied(
    content: dict[str, Any], words: list[str]
) -> None:
    found = "\n".join(findings(content, "demo", HOST, SECRETS))
    assert bool(found) == bool(words)
    assert all(word in found for word in words)


def test_a_template_may_name_a_secret_that_is_placed_in_its_namespace() -> None:
    entries = {
        "shared": {"robot": "demo+puller", "namespaces": ["demo", "team-*"], "name": "corp"},
        "Labelled": {"robot": "demo+puller", "namespace_selector": {"team": "shop"}, "exclude": ["kube-*"]},
    }
    host = Host("cp1", data={"pull_secrets": PullSecrets.model_validate(entries)})
    assert placed_secrets(host, "demo") == {"corp", "labelled"}
    assert placed_secrets(host, "team-a") == {"corp", "labelled"}
    assert placed_secrets(host, "kube-system") == set()
    assert placed_secrets(Host("cp2"), "demo") == set()
    placed = {("demo", name) for name in placed_secrets(host, "demo")}
    assert list(findings(deployment(f"{HOST}/demo/sqrt:1.0", "demo", "corp"), "demo", HOST, placed)) == []


def status(**fields: int) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": {"observedGeneration": 2, **fields}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (status(replicas=3, updatedReplicas=3, availableReplicas=3), "complete"),
        (status(replicas=4, updatedReplicas=3, availableReplicas=3), "3 of 3 updated, 3 available"),
        (status(replicas=3, updatedReplicas=1, availableReplicas=2), "1 of 3 updated, 2 available"),
        ({"metadata": {"generation": 3}, "spec": {"replicas": 1}, "status": {"observedGeneration": 2}}, "not yet seen"),
    ],
)
def test_a_rollout_is_complete_when_nothing_is_left_to_do(found: dict[str, Any], words: str) -> None:
    assert words in progress(found)


def test_a_rollout_is_planned_with_its_deployment() -> None:
    assert Rollout("demo", "sqrt").pending(frozenset({"deployment:demo/sqrt"}), {"rollout": "complete"}) == {
        "rollout": "older than deployment:demo/sqrt"
    }


def test_a_secret_object_is_shown_without_its_values() -> None:
    text = yaml_of({"kind": "Secret", "metadata": {"name": "x", "uid": "1"}, "data": {"key": "dmVyeSBzZWNyZXQ="}})
    assert "dmVyeSBzZWNyZXQ=" not in text
    assert "uid" not in text


@pytest.mark.parametrize("api", ["rbac.authorization.k8s.io/v1:ClusterRole", "v1:PersistentVolume", "v1:Namespace"])
def test_an_object_of_the_whole_cluster_needs_no_namespace(api: str) -> None:
    version, _, kind = api.partition(":")
    assert list(findings({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}, "demo", HOST, SECRETS)) == []


@pytest.mark.parametrize("restricted", [True, False])
def test_the_shipped_template_passes_restricted_unless_a_workload_says_otherwise(restricted: bool) -> None:
    (made,) = shipped(restricted=restricted, port=8000)
    assert (not list(violations(made["spec"]["template"]["spec"], "restricted"))) is restricted


def shipped(**settings: Any) -> list[dict[str, Any]]:
    """Return the objects of the shipped template for a workload with these settings."""
    workload = Workload.model_validate({"namespace": "demo", "image": "demo/sqrt:1.0", **settings})
    return objects_of(render("deployment.yaml.j2", **template_values(HOST, "x", workload)), "deployment.yaml.j2")


def test_the_shipped_template_takes_what_a_workload_says_of_its_pods() -> None:
    (made,) = shipped(
        replicas=None,
        port=8000,
        service_account="web",
        env={"LOG": "<debug> & 'more'", "ON": True, "N": 5, "KEY": {"secretKeyRef": {"name": "s", "key": "k"}}},
        resources={"limits": {"memory": "64Mi"}},
        pod_security_context={"fsGroup": 1000},
        security_context={"readOnlyRootFilesystem": True},
        readiness_probe={"httpGet": {"path": "/ready", "port": 8000}},
        liveness_probe={"exec": {"command": ["true"]}},
        startup_probe={"tcpSocket": {"port": 8000}, "failureThreshold": 30},
    )
    assert "replicas" not in made["spec"]
    spec = made["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["serviceAccountName"] == "web"
    assert spec["securityContext"] == {
        "fsGroup": 1000,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["env"] == [
        {"name": "LOG", "value": "<debug> & 'more'"},
        {"name": "ON", "value": "true"},
        {"name": "N", "value": "5"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"key": "k", "name": "s"}}},
    ]
    assert container["resources"] == {"limits": {"memory": "64Mi"}}
    assert container["readinessProbe"] == {"httpGet": {"path": "/ready", "port": 8000}}
    assert container["livenessProbe"] == {"exec": {"command": ["true"]}}
    assert container["startupProbe"] == {"tcpSocket": {"port": 8000}, "failureThreshold": 30}
    assert not list(violations(spec, "restricted"))


def test_a_pod_of_a_stateful_set_has_the_volumes_of_its_claims() -> None:
    content = {"kind": "StatefulSet", "spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}}
    spec = add_claimed_volumes(content, {"containers": [], "volumes": [{"name": "own"}]})
    assert [volume["name"] for volume in spec["volumes"]] == ["data", "own"]
    assert add_claimed_volumes({"kind": "Deployment", "spec": {}}, {"containers": []}) == {"containers": []}


def test_pods_of_a_cron_job_are_looked_at_too() -> None:
    job = {"kind": "CronJob", "metadata": {"name": "x", "namespace": "demo"}}
    inner = {"spec": {"jobTemplate": {"spec": deployment("docker.io/nginx", "demo", "registry")["spec"]}}}
    assert "is not in the registry" in "\n".join(findings({**job, **inner}, "demo", HOST, SECRETS))


@pytest.mark.parametrize("empty", ["imagePullSecrets", "initContainers"])
def test_keys_without_a_value_are_as_if_they_were_not_there(empty: str) -> None:
    content = deployment(f"{HOST}/demo/sqrt:1.0", "demo", "registry")
    content["spec"]["template"]["spec"][empty] = None
    words = "\n".join(findings(content, "demo", HOST, SECRETS))
    assert ("needs imagePullSecrets" in words) == (empty == "imagePullSecrets")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Deployment\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: Service\nmetadata: x\n", "needs apiVersion, kind and metadata with a name"),
        ("- one\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: List\nitems: [5]\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: List\nitems: [null]\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: List\nitems: {a: b}\n", "items of a List must be a list of objects"),
        ("apiVersion: v1\nkind: List\n", "needs apiVersion, kind and metadata with a name"),
        ("apiVersion: v1\nkind: Deployment\nmetadata: {name: x}\n", "moor knows no kind Deployment of v1"),
        ("apiVersion: a/b/v1\nkind: Certificate\nmetadata: {name: x}\n", "moor knows no kind Certificate of a/b/v1"),
        ("apiVersion: ../../v1\nkind: Certificate\nmetadata: {name: x}\n", "moor knows no kind Certificate"),
    ],
)
def test_what_no_cluster_would_take_is_refused_with_the_template_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        objects_of(text, "templates/own.yaml.j2: workload x")
    assert str(refused.value).startswith("templates/own.yaml.j2: workload x: ")


def test_a_manifest_is_read_with_the_types_that_kubernetes_gives_it() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {since: 2026-01-01}}\nspec:\n  hostNetwork: yes\n"
    (pod,) = objects_of(f"{text}  volumes: [{{name: v, secret: {{defaultMode: 0400}}}}]\n", "x")
    assert pod["spec"]["hostNetwork"] is True
    assert pod["spec"]["volumes"][0]["secret"]["defaultMode"] == 0o400
    assert pod["metadata"]["labels"] == {"since": "2026-01-01"}


def test_a_key_that_stands_twice_in_a_manifest_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"^templates/x: line 4: the key name is given twice"):
        objects_of("apiVersion: v1\nkind: Pod\nmetadata:\n  {name: x, name: y}\n", "templates/x")


def test_several_documents_are_several_objects_and_empty_ones_are_none() -> None:
    kinds = {"a": "Service", "b": "ConfigMap"}
    text = "---\n".join(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n" for name, kind in kinds.items())
    assert [tree["metadata"]["name"] for tree in objects_of(f"---\n---\n{text}", "x")] == ["a", "b"]


def test_the_items_of_a_list_are_objects_as_if_each_were_a_document_of_its_own() -> None:
    config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    service = "{apiVersion: v1, kind: Service, metadata: {name: b}}"
    several = f"kind: List\napiVersion: v1\nitems:\n- {config}\n- {service}\n"
    typed = "---\napiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: c}}]\n"
    empty = "---\napiVersion: v1\nkind: List\nitems: []\n---\napiVersion: v1\nkind: List\nitems:\n"
    found = objects_of(f"{several}{typed}{empty}---\n{config.replace('name: a', 'name: d')}\n", "x")
    assert [(one["kind"], one["metadata"]["name"]) for one in found] == [
        ("ConfigMap", "a"), ("Service", "b"), ("ConfigMap", "c"), ("ConfigMap", "d"),
    ]  # fmt: skip
    assert found[0] == objects_of(config, "x")[0]


@pytest.mark.parametrize("name", ["Web", "web_1", "-web"])
def test_a_workloads_name_is_one_that_kubernetes_takes(name: str) -> None:
    workload = {"namespace": "shop", "image": "shop/web:1", "robot": "puller"}
    assert list(Workloads.model_validate({"web-1.shop": workload}).by_name) == ["web-1.shop"]
    with pytest.raises(ValidationError, match="should match pattern"):
        Workloads.model_validate({name: workload})
