"""What the cluster's objects say of a pod and its pull secret."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.resources.file import sha256
from tasks.layers import RULES
from tasks.layers.pods import (
    DOCKER_CONFIG,
    ClusterView,
    Wanted,
    images_of,
    node_evidence,
    owner,
    pod_evidence,
    secret_evidence,
    waits,
)
from tasks.layers.rule import all_matches

HOST = "registry.moor.test"
ROBOT, PASSWORD = "robot$demo+puller", "Pu11erSecret"
WANTED = Wanted(HOST, (ROBOT, sha256(PASSWORD)), {"demo/sqrt": "sha256:aa"})


def pod(
    waiting: dict[str, str] | None = None, image_id: str = "", *secrets: str, image: str = f"{HOST}/demo/sqrt:1.0"
) -> dict[str, Any]:
    state: dict[str, Any] = {"waiting": waiting} if waiting else {"running": {}}
    status = {"name": "c", "image": image, "imageID": image_id, "ready": True, "state": state}
    spec = {"imagePullSecrets": [{"name": name} for name in secrets], "containers": [{"image": image}]}
    metadata = {"name": "sqrt-7f-x", "namespace": "demo", "ownerReferences": [{"name": "sqrt-7f"}]}
    return {"metadata": metadata, "spec": spec, "status": {"containerStatuses": [status]}}


def secret(user: str = ROBOT, password: str = PASSWORD, key: str = HOST, kind: str = DOCKER_CONFIG) -> dict[str, Any]:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    content = json.dumps({"auths": {key: {"auth": auth}}})
    return {"type": kind, "data": {".dockerconfigjson": base64.b64encode(content.encode()).decode()}}


def rules(found: dict[str, Any] | None, name: str = "registry", **view: Any) -> list[str]:
    held = ClusterView(secrets={("demo", name): found}, **view)
    evidence = secret_evidence(pod(None, "", name), held, WANTED)
    assert not any(PASSWORD in value for value in evidence.values())
    return [verdict.rule for verdict in all_matches(RULES, "secret", evidence)]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (secret(), []),
        (secret(key=f"https://{HOST}/v2/"), []),
        (secret(kind="Opaque"), ["secret-type"]),
        (secret(key="harbor.example.net"), ["secret-registry"]),
        (secret(key=f"{HOST}:8443"), ["secret-registry"]),
        (secret(user="robot+puller"), ["secret-dollar"]),
        (secret(user="admin"), ["secret-user"]),
        (secret(password="another"), ["secret-password"]),
        ({"type": DOCKER_CONFIG, "data": {".dockerconfigjson": "%%%"}}, ["secret-unreadable"]),
        ({"type": DOCKER_CONFIG}, ["secret-unreadable"]),
        (None, ["secret-missing"]),
    ],
)
def test_a_pull_secret_is_judged_by_what_is_in_it(found: dict[str, Any] | None, wanted: list[str]) -> None:
    assert rules(found) == wanted


def test_a_secret_of_another_namespace_is_named_with_it() -> None:
    assert rules(None, placed={"registry": ("other",)}) == ["secret-elsewhere"]


def test_the_secrets_of_the_service_account_count_where_the_pod_names_none() -> None:
    bare = pod()
    view = ClusterView(secrets={("demo", "registry"): secret()}, accounts={("demo", "default"): ("registry",)})
    assert all_matches(RULES, "secret", secret_evidence(bare, view, WANTED)) == []
    (verdict,) = all_matches(RULES, "secret", secret_evidence(bare, ClusterView(), WANTED))
    assert verdict.rule == "secret-unnamed"


def test_of_two_secrets_the_one_for_the_registry_counts() -> None:
    view = ClusterView(secrets={("demo", "a"): secret(key="x.test"), ("demo", "b"): secret()})
    assert all_matches(RULES, "secret", secret_evidence(pod(None, "", "a", "b"), view, WANTED)) == []


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (pod(None, f"{HOST}/demo/sqrt@sha256:aa"), None),
        (pod(None, f"{HOST}/demo/sqrt@sha256:bb"), "pod-digest"),
        (pod({"reason": "ImagePullBackOff", "message": "Back-off"}), "pod-waiting"),
        (pod({"reason": "ErrImagePull"}, image=f"{HOST}/demo/other:2"), "pod-other"),
        (pod({"reason": "InvalidImageName"}), "pod-name"),
        (pod({"reason": "ContainerCreating"}), "pod-silent"),
    ],
)
def test_a_pod_is_judged_by_its_state(found: dict[str, Any], rule: str | None) -> None:
    evidence = {**pod_evidence(found, [], WANTED), "asked": "demo/sqrt:1.0"}
    told = [verdict.rule for verdict in all_matches(RULES, "pod", evidence)][:1]
    assert told == ([rule] if rule else [])


def test_an_event_of_the_pod_tells_what_its_state_does_not() -> None:
    event = {"involvedObject": {"name": "sqrt-7f-x"}, "reason": "FailedCreatePodSandBox", "message": "no pause image"}
    other = {**event, "involvedObject": {"name": "else"}, "message": "not this one"}
    evidence = pod_evidence(pod({"reason": "ContainerCreating"}), [event, other], WANTED)
    assert evidence["event_message"] == "no pause image"
    assert all_matches(RULES, "pod", evidence)[0].rule == "pod-sandbox"


def test_a_pod_knows_its_deployment_its_images_and_whether_it_waits() -> None:
    assert owner(pod()) == "sqrt"
    assert images_of(pod(image=f"{HOST}/demo/sqrt"), HOST) == ["demo/sqrt:latest"]
    assert images_of(pod(image=f"{HOST}/demo/sqrt@sha256:aa"), HOST) == []
    assert waits(pod({"reason": "ErrImagePull"}))
    assert not waits(pod({"reason": "ContainerCreating"}))


@given(st.recursive(st.none() | st.text(max_size=5), lambda below: st.dictionaries(st.text(max_size=5), below)))
def test_whatever_a_secret_holds_is_judged(content: Any) -> None:
    raw = base64.b64encode(json.dumps(content).encode()).decode()
    rules({"type": DOCKER_CONFIG, "data": {".dockerconfigjson": raw}})


def test_a_node_is_described_by_its_ready_condition() -> None:
    lost = {"status": {"conditions": [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting"}]}}
    assert [v.rule for v in all_matches(RULES, "node", node_evidence(lost, "node1"))] == ["node-lost"]
    assert [v.rule for v in all_matches(RULES, "node", node_evidence(None, "node1"))] == ["node-unknown"]
