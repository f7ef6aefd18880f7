"""What comes with an application: kinds that are only kept, with a real kubectl, and how they are deleted."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds, schema
from moor_lab.kubernetes.standin.api.decode import mistyped
from moor_lab.kubernetes.standin.api.options import Options
from moor_lab.kubernetes.standin.errors import ApiError
from moor_lab.kubernetes.standin.objects import dig, name_of
from tests.kubernetes.conftest import APPLY, Fleet
from tests.kubernetes.samples import Object, cron_job, daemon_set, deployment, job, stateful_set
from tests.kubernetes.served import Api

GOOD = "registry.test/demo/web:1"
RBAC = "rbac.authorization.k8s.io"


def obj(api_version: str, kind: str, name: str = "app", **parts: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "demo"}, **parts}


def application() -> list[Object]:
    """Return one object of each kind that applications bring."""
    web = {"matchLabels": {"app": "web"}}
    backend = {"service": {"name": "app", "port": {"number": 80}}}
    rule = {"host": "app.test", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return [
        obj("v1", "ServiceAccount"),
        obj("v1", "ConfigMap", data={"a": "b"}),
        obj("v1", "Secret", stringData={"a": "b"}),
        obj("v1", "Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80}], "type": "NodePort"}),
        obj("v1", "PersistentVolumeClaim", spec=storage),
        obj(f"{RBAC}/v1", "Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        obj(
            f"{RBAC}/v1",
            "RoleBinding",
            roleRef={"apiGroup": RBAC, "kind": "Role", "name": "app"},
            subjects=[{"kind": "ServiceAccount", "name": "app", "namespace": "demo"}],
        ),
        obj("networking.k8s.io/v1", "Ingress", spec={"rules": [rule]}),
        obj("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": web}),
        obj("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": web}),
        obj("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 3, "scaleTargetRef": scaled}),
        *(deployment(GOOD), stateful_set(GOOD), daemon_set(GOOD), job(GOOD), cron_job()),
    ]


def test_every_kind_is_applied_and_a_second_time_nothing_changes(fleet: Fleet) -> None:
    for one in application():
        kind = kinds.named(one["apiVersion"], one["kind"])
        assert kind
        once = fleet.apply(kind, one)
        assert fleet.apply(kind, one) == once
        assert (
            fleet.apply(kind, one, dry_run=True)["metadata"]["resourceVersion"] == once["metadata"]["resourceVersion"]
        )


def test_a_service_gets_an_address_and_keeps_it(fleet: Fleet) -> None:
    service = next(one for one in application() if one["kind"] == "Service")
    first = fleet.apply(kinds.SERVICE, service)
    spec = first["spec"]
    assert spec["clusterIP"].startswith("10.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert 30000 <= spec["ports"][0]["nodePort"] < 32768
    replaced = service | {"metadata": service["metadata"] | {"labels": {"a": "b"}}}
    again = fleet.cluster.update(kinds.SERVICE, "demo", "app", replaced).obj
    assert (again["spec"]["clusterIP"], again["spec"]["ports"]) == (spec["clusterIP"], spec["ports"])
    moved = service | {"spec": service["spec"] | {"clusterIP": "10.1.1.1"}}
    with pytest.raises(ApiError, match="may not change once set"):
        fleet.cluster.update(kinds.SERVICE, "demo", "app", moved)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (obj("v1", "Service", spec={"selector": {}}), "spec.ports: Required value"),
        (obj("v1", "PersistentVolumeClaim", spec={}), "spec.accessModes: Required value: at least 1 access mode is"),
        (obj("networking.k8s.io/v1", "Ingress", spec={}), "either `defaultBackend` or `rules` must be specified"),
        (stateful_set(GOOD, podManagementPolicy="Odd"), "must be 'OrderedReady' or 'Parallel'"),
        (
            daemon_set(GOOD, updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}),
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when maxSurge is 0",
        ),
        (daemon_set(GOOD, selector={"matchLabels": {"app": "x"}}), "`selector` does not match template `labels`"),
        (cron_job(concurrencyPolicy="Never"), 'supported values: "Allow", "Forbid", "Replace"'),
    ],
)
def test_what_cannot_be_is_refused(fleet: Fleet, one: Object, words: str) -> None:
    kind = kinds.named(one["apiVersion"], one["kind"])
    assert kind
    with pytest.raises(ApiError) as refused:
        fleet.apply(kind, one)
    assert refused.value.code == 422
    assert words in str(refused.value)


def test_a_pod_needs_its_service_account_and_gets_its_pull_secrets(fleet: Fleet) -> None:
    made = deployment(GOOD, replicas=1)
    made["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    fleet.apply(kinds.DEPLOYMENT, made)
    fleet.settle()
    assert not fleet.pods()
    told = [one["message"] for one in fleet.cluster.store.select(kinds.EVENT, "demo")[0]]
    words = 'is forbidden: error looking up service account demo/robot: serviceaccount "robot" not found'
    assert any(one.startswith("Error creating: pods") and one.endswith(words) for one in told)
    account = {"metadata": {"name": "robot", "namespace": "demo"}, "imagePullSecrets": [{"name": "regcred"}]}
    fleet.apply(kinds.SERVICE_ACCOUNT, account)
    fleet.clock.turn(31)
    for name in ("n1", "n2", "n3"):
        fleet.beat(name)
    fleet.settle()
    (pod,) = fleet.pods()
    assert pod["spec"]["imagePullSecrets"] == [{"name": "regcred"}]


def test_foreground_deletion_keeps_the_owner_until_its_pods_are_gone(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    left = fleet.cluster.delete(kinds.DEPLOYMENT, "demo", "web", {"propagationPolicy": "Foreground"})
    assert left["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert left["metadata"]["deletionTimestamp"]
    fleet.settle(rounds=1)
    assert fleet.deployment()
    fleet.settle()
    for kind in (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD):
        assert fleet.cluster.store.select(kind, "demo")[0] == []


@pytest.mark.parametrize(("kind", "made"), [(kinds.STATEFUL_SET, stateful_set), (kinds.DAEMON_SET, daemon_set)])
@pytest.mark.parametrize(("policy", "left"), [("Background", 0), ("Foreground", 0), ("Orphan", 3)])
def test_a_deleted_set_takes_its_pods_along_or_leaves_them(
    fleet: Fleet, kind: kinds.Kind, made: Any, policy: str, left: int
) -> None:
    one = made(GOOD)
    fleet.apply(kind, one)
    fleet.settle()
    fleet.cluster.delete(kind, "demo", name_of(one), {"propagationPolicy": policy})
    fleet.settle()
    pods = fleet.pods(dig(one, "spec", "selector", "matchLabels", "app"))
    assert len(pods) == left
    assert fleet.cluster.store.select(kind, "demo")[0] == []
    assert fleet.cluster.store.select(kinds.CONTROLLER_REVISION, "demo")[0] == [] or policy == "Orphan"


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
def test_a_real_kubectl_applies_diffs_lists_and_deletes(api: Api, client: object) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": application()})
    ordered = ("apply", "--server-side", "-f", "-")
    assert api.kubectl(*ordered, stdin=manifest).count("serverside-applied") == len(application())
    assert api.kubectl("diff", "--server-side", "-f", "-", stdin=manifest) == ""
    titles = {
        "statefulsets": "NAME READY AGE",
        "daemonsets": "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
        "jobs": "NAME STATUS COMPLETIONS AGE",
        "cronjobs": "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
        "services": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
    }
    for plural, words in titles.items():
        assert api.kubectl("get", plural, "-n", "demo").splitlines()[0].split() == words.split()
    assert "job.batch" in api.kubectl("delete", "-n", "demo", "job", "sum", "--cascade=background")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
def test_a_real_kubectl_scales_and_owns_the_replicas_then(api: Api, client: object) -> None:
    api.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(deployment(GOOD)))
    assert "scaled" in api.kubectl("scale", "-n", "demo", "deployment/web", "--replicas=5")
    obj = api.store.get(kinds.DEPLOYMENT, "demo", "web")
    assert obj["spec"]["replicas"] == 5
    owners = [one for one in obj["metadata"]["managedFields"] if one.get("subresource") == "scale"]
    assert [dig(one, "fieldsV1", "f:spec", "f:replicas") for one in owners] == [{}]
    with pytest.raises(ApiError, match='conflict with "kubectl" with subresource "scale" using apps/v1 at'):
        api.cluster.patch(kinds.DEPLOYMENT, "demo", "web", APPLY, deployment(GOOD), Options(manager="moor"))


def lacking(node: Object, value: Any, path: str) -> list[str]:
    """Return the required fields that a value does not have, by the OpenAPI document of the real release."""
    node = schema.resolve(node)
    if isinstance(value, list):
        return [where for one in value for where in lacking(schema.items(node), one, path)]
    if not isinstance(value, dict):
        return []
    missing = [f"{path}.{name}" for name in node.get("required", []) if name not in value]
    inner = [lacking(schema.field(node, name), part, f"{path}.{name}") for name, part in value.items()]
    return missing + [where for found in inner for where in found]


def test_whatever_the_controllers_make_is_what_the_real_document_describes(fleet: Fleet) -> None:
    for name in ("n4", "n5", "n6", "n7", "n8"):
        fleet.add_node(name)  # the lab's pods share their node's ports
    for one in application():
        kind = kinds.named(one["apiVersion"], one["kind"])
        assert kind
        fleet.apply(kind, one)
    fleet.settle()
    fleet.clock.turn(300)
    for number in range(1, 9):
        fleet.beat(f"n{number}")
    fleet.settle()
    for kind, objects in fleet.cluster.store.snapshot().items():
        node = schema.definition(kind.definition)
        assert node, kind
        for one in objects:
            assert list(schema.unknown_fields(node, one)) == []
            assert list(mistyped(node, one, kind.kind)) == []
            assert lacking(node, one, kind.kind) == []
    made = {kind for kind, objects in fleet.cluster.store.snapshot().items() if objects}
    assert {kinds.CONTROLLER_REVISION, kinds.REPLICA_SET, kinds.POD, kinds.JOB, kinds.EVENT, kinds.CLAIM} <= made
