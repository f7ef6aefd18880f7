"""The API over HTTP, used by moor's client and, if it is installed, by kubectl."""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import closing
from typing import Any

import pytest
from lightkube import Client
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Node, Pod, Secret
from lightkube.types import CascadeType, PatchType

from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.store import Store
from tests.kubernetes.samples import Object, deployment, secret
from tests.kubernetes.served import Api


def parsed(obj: Object) -> Any:
    kinds: dict[str, Any] = {"Deployment": Deployment, "Node": Node, "Pod": Pod, "Secret": Secret}
    return kinds[obj["kind"]].from_dict(obj)


def test_an_object_goes_in_and_comes_out(client: Client) -> None:
    client.create(parsed(secret(password="s")))
    assert client.get(Secret, "regcred").data == {"password": "cw=="}
    assert [one.metadata.name for one in client.list(Secret) if one.metadata] == ["regcred"]


def test_an_apply_with_another_manager_conflicts_and_force_wins(client: Client) -> None:
    client.apply(parsed(deployment(replicas=2)))
    with pytest.raises(ApiError) as refused:
        client.apply(parsed(deployment(replicas=3)), field_manager="other")
    assert refused.value.status.code == 409
    assert client.apply(parsed(deployment(replicas=3)), field_manager="other", force=True).spec.replicas == 3


def test_a_dry_run_writes_nothing(api: Api, client: Client) -> None:
    with closing(api.client(dry_run=True)) as dry:
        assert dry.apply(parsed(deployment())).spec.progressDeadlineSeconds == 600
    assert not list(client.list(Deployment))


def test_patches_of_all_kinds_are_understood(client: Client) -> None:
    client.apply(parsed(deployment(replicas=2)))
    merge = client.patch(Deployment, "web", {"spec": {"replicas": 3}}, patch_type=PatchType.MERGE)
    assert merge.spec is not None
    assert merge.spec.replicas == 3
    change: Object = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "i:2"}]}}}}
    strategic = client.patch(Deployment, "web", change, patch_type=PatchType.STRATEGIC)
    assert strategic.spec is not None
    container = strategic.spec.template.spec.containers[0]  # type: ignore[union-attr]
    assert (container.image, container.ports[0].containerPort) == ("i:2", 8080)  # type: ignore[index]
    step = [{"op": "replace", "path": "/spec/replicas", "value": 1}]
    jsonpatch = client.patch(Deployment, "web", step, patch_type=PatchType.JSON)
    assert jsonpatch.spec is not None
    assert jsonpatch.spec.replicas == 1


def test_selectors_choose(client: Client) -> None:
    for name, tier in (("a", "front"), ("b", "back")):
        made = secret(x="y")
        made["metadata"] |= {"name": name, "labels": {"tier": tier}}
        client.create(parsed(made))
    by_label = client.list(Secret, labels={"tier": "front"})
    by_field = client.list(Secret, fields={"metadata.name": "b"})
    by_set = client.list(Secret, labels={"tier": ["back", "side"]})
    assert [[one.metadata.name for one in found if one.metadata] for found in (by_label, by_field, by_set)] == [
        ["a"],
        ["b"],
        ["b"],
    ]


def test_a_watch_tells_what_happens(client: Client) -> None:
    seen: list[str] = []
    begun = threading.Event()

    def watch() -> None:
        for kind, _ in client.watch(Secret):
            seen.append(kind)
            begun.set()
            if kind == "DELETED":
                return

    client.create(parsed(secret(x="1")))
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert begun.wait(10)
    client.patch(Secret, "regcred", {"data": {"x": "Mg=="}}, patch_type=PatchType.MERGE)
    client.delete(Secret, "regcred")
    watcher.join(10)
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_from_before_a_restart_has_to_start_again(api: Api, client: Client) -> None:
    client.create(parsed(secret(x="1")))
    api.store.close()
    store = Store(api.directory / "cluster.sqlite")
    try:
        with api.http() as plain:
            api.server.cluster = Cluster(store)
            answer = plain.get("/api/v1/secrets", params={"watch": "1", "resourceVersion": "1"})
    finally:
        store.close()
    assert (answer.status_code, answer.json()["reason"]) == (410, "Expired")


def test_everything_survives_a_restart(api: Api, client: Client) -> None:
    before = client.create(parsed(secret(x="1")))
    api.store.close()
    store = Store(api.directory / "cluster.sqlite")
    try:
        api.server.cluster = Cluster(store)
        assert client.get(Secret, "regcred") == before
        with pytest.raises(ApiError, match="already exists"):
            client.create(parsed(secret(x="1")))
    finally:
        store.close()


def test_the_server_names_itself_a_stand_in(api: Api) -> None:
    with api.http() as plain:
        version = plain.get("/version")
    assert version.json()["gitVersion"] == "v1.36.2+moor-lab-standin"
    assert "moor-lab" in version.headers["Server"]


def test_readiness_needs_no_token(api: Api) -> None:
    with api.http("") as plain:
        assert plain.get("/readyz").text == "ok"
        assert "readyz check passed" in plain.get("/readyz?verbose").text


def test_discovery_names_every_kind(api: Api) -> None:
    with api.http() as plain:
        core = {one["name"] for one in plain.get("/api/v1").json()["resources"]}
        apps = {one["name"] for one in plain.get("/apis/apps/v1").json()["resources"]}
        groups = plain.get("/apis").json()["groups"]
        scaling = {one["name"] for one in plain.get("/apis/autoscaling/v2").json()["resources"]}
    wanted = {"namespaces", "nodes", "secrets", "serviceaccounts", "services", "pods", "pods/status", "events"}
    assert wanted <= core
    assert {"deployments", "deployments/status", "replicasets", "statefulsets", "daemonsets"} <= apps
    named = ["apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"]
    assert [group["name"] for group in groups] == named
    assert "horizontalpodautoscalers" in scaling


def test_a_node_may_do_its_own_work_and_no_more(api: Api, client: Client) -> None:
    client.create(parsed(secret(x="1")))
    with api.http(api.access.node_token("n1")) as node:
        assert node.get("/api/v1/namespaces/demo/secrets/regcred").status_code == 200
        assert node.get("/api/v1/secrets").status_code == 403
        assert node.get("/api/v1/pods").status_code == 200
        assert node.delete("/api/v1/namespaces/demo").status_code == 403
        patch: Object = {"status": {"conditions": []}}
        other = node.patch("/api/v1/nodes/n2/status", json=patch, headers={"Content-Type": PatchType.MERGE.value})
        assert other.status_code == 403


def test_a_node_that_nobody_knew_of_may_join_and_a_forged_one_not(api: Api) -> None:
    with api.http(api.access.node_token("late1")) as late:
        assert late.post("/api/v1/nodes", json={"metadata": {"name": "late1"}}).status_code == 201
    forged = api.access.node_token("late1").replace("late1", "late2")
    with api.http(forged) as stranger:
        assert stranger.get("/api/v1/nodes").status_code == 401


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    with api.http() as plain:
        answers = [
            plain.post("/api/v1/namespaces", content=b"{", headers={"Content-Type": "application/json"}),
            plain.post(
                "/api/v1/namespaces", content=b"\0", headers={"Content-Type": "application/vnd.kubernetes.protobuf"}
            ),
            plain.post("/api/v1/namespaces", json=[]),
        ]
    assert [answer.status_code for answer in answers] == [400, 415, 400]


def test_what_is_not_served_is_not_found(api: Api) -> None:
    with api.http() as plain:
        for path in ("/apis/storage.k8s.io/v1/storageclasses", "/api/v1/nonsense", "/nonsense", "/api/v1/secrets/x"):
            assert plain.get(path).json()["message"] == "the server could not find the requested resource"
        assert plain.put("/api/v1/namespaces", json={}).status_code == 405


def test_an_unknown_field_is_a_warning_unless_the_client_is_strict(api: Api, client: Client) -> None:
    made = deployment() | {"specc": {}}
    path = "/apis/apps/v1/namespaces/demo/deployments"
    with api.http() as plain:
        lenient = plain.post(path, json=made)
        strict = plain.post(path, json=made, params={"fieldValidation": "Strict"})
    assert lenient.headers["Warning"] == '299 - "unknown field \\"specc\\""'
    assert "specc" not in lenient.json()
    assert strict.status_code == 400


def test_a_wrong_type_is_refused_in_the_decoders_words(api: Api, client: Client) -> None:
    made = deployment()
    made["spec"]["replicas"] = "three"
    with api.http() as plain:
        answer = plain.post("/apis/apps/v1/namespaces/demo/deployments", json=made)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct '
        "field Deployment.spec.replicas of type int32"
    )


def test_a_stale_write_conflicts(client: Client) -> None:
    stale = client.create(parsed(secret(x="1")))
    client.patch(Secret, "regcred", {"data": {"x": "Mg=="}}, patch_type=PatchType.MERGE)
    with pytest.raises(ApiError, match="the object has been modified"):
        client.replace(stale)


def test_deleting_something_else_of_the_same_name_is_refused(api: Api, client: Client) -> None:
    client.create(parsed(secret(x="1")))
    with api.http() as plain:
        body = {"preconditions": {"uid": "another"}}
        answer = plain.request("DELETE", "/api/v1/namespaces/demo/secrets/regcred", json=body)
    assert answer.status_code == 409


def test_a_status_is_written_on_its_own(client: Client) -> None:
    client.create(parsed({"kind": "Node", "metadata": {"name": "n1"}}))
    client.patch(Node.Status, "n1", {"status": {"phase": "Running"}}, patch_type=PatchType.MERGE)
    client.patch(Node, "n1", {"status": {"phase": "Pending"}}, patch_type=PatchType.MERGE)
    status = client.get(Node, "n1").status
    assert status is not None
    assert status.phase == "Running"


def test_a_deletion_may_be_of_a_whole_collection(api: Api, client: Client) -> None:
    client.create(parsed(secret(x="1")))
    client.deletecollection(Secret)
    assert not list(client.list(Secret))


def test_a_pod_on_a_node_is_deleted_gracefully(client: Client) -> None:
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i:1"}]}
    client.create(parsed({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec}))
    client.delete(Pod, "p", cascade=CascadeType.BACKGROUND)
    pod = client.get(Pod, "p")
    assert pod.metadata is not None
    assert pod.metadata.deletionGracePeriodSeconds == 30
    client.delete(Pod, "p", grace_period=0)
    with pytest.raises(ApiError, match="not found"):
        client.get(Pod, "p")


def test_unknown_kinds_are_told_apart_from_missing_objects(client: Client) -> None:
    job = create_namespaced_resource("moor.test", "v1", "Job", "jobs")
    with pytest.raises(ApiError, match="could not find the requested resource"):
        client.get(job, "x")
    with pytest.raises(ApiError, match='secrets "x" not found'):
        client.get(Secret, "x")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl on this machine")
def test_kubectl_applies_diffs_and_lists(api: Api, client: Client) -> None:
    manifest = json.dumps(deployment())
    assert "created" in api.kubectl("apply", "-f", "-", stdin=manifest)
    assert "unchanged" in api.kubectl("apply", "-f", "-", stdin=manifest)
    assert "serverside-applied" in api.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    assert api.kubectl("diff", "-f", "-", stdin=manifest) == ""
    lines = api.kubectl("get", "deployments", "-n", "demo").splitlines()
    assert lines[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert lines[1].split()[:2] == ["web", "0/3"]
    assert "deleted" in api.kubectl("delete", "deployment", "web", "-n", "demo")
