"""The evidence about pods and pull secrets, from the cluster's objects."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.resources.file import sha256
from moor.tasks.diagnosis.evidence.cluster_reader import is_complete
from moor.tasks.diagnosis.evidence.cluster_snapshot import (
    ClusterSnapshot,
    PodExpectations,
    registry_images,
    uses_registry,
)
from moor.tasks.diagnosis.evidence.owners import Owners, searchable_names, top_owner
from moor.tasks.diagnosis.evidence.pods import distinct_faults, node_evidence, pod_evidence, waits_for_image
from moor.tasks.diagnosis.evidence.pull_secrets import login_of_pod, secret_evidence
from moor.tasks.diagnosis.messages.fields import FleetRegistry
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.rule import all_matches
from moor.tasks.registry.logins import DOCKER_CFG, DOCKER_CONFIG

HOST = "registry.moor.test"
ROBOT, PASSWORD = "robot$demo+puller", "Pu11erSecret"
OURS = FleetRegistry(HOST, frozenset({HOST}), frozenset({"10.77.0.11"}))
WANTED = PodExpectations(
    HOST, (ROBOT, sha256(PASSWORD)), {"demo/sqrt:1.0": "sha256:aa"}, OURS, frozenset({("demo", "sqrt")})
)


def pod(
    waiting: dict[str, str] | None = None, image_id: str = "", *secrets: str, image: str = f"{HOST}/demo/sqrt:1.0"
) -> dict[str, Any]:
    state: dict[str, Any] = {"waiting": waiting} if waiting else {"running": {}}
    status = {"name": "c", "image": image, "imageID": image_id, "ready": True, "state": state}
    spec = {"imagePullSecrets": [{"name": name} for name in secrets], "containers": [{"image": image}]}
    reference = {"kind": "ReplicaSet", "name": "sqrt-7f", "controller": True}
    labels = {"pod-template-hash": "7f"}
    metadata = {"name": "sqrt-7f-x", "namespace": "demo", "ownerReferences": [reference], "labels": labels}
    return {"metadata": metadata, "spec": spec, "status": {"containerStatuses": [status]}}


def secret(user: str = ROBOT, password: str = PASSWORD, key: str = HOST, kind: str = DOCKER_CONFIG) -> dict[str, Any]:
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    logins = {key: {"auth": auth}}
    name, tree = (".dockercfg", logins) if kind == DOCKER_CFG else (".dockerconfigjson", {"auths": logins})
    return {"type": kind, "data": {name: base64.b64encode(json.dumps(tree).encode()).decode()}}


def rules(found: dict[str, Any] | None, name: str = "registry", **view: Any) -> list[str]:
    held = ClusterSnapshot(secrets={("demo", name): found}, **view)
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
        (secret(key="*.moor.test"), []),
        (secret(key="*.test"), ["secret-registry"]),
        (secret(key=f"{HOST}/demo"), []),
        (secret(key=f"{HOST}/shop"), ["secret-registry"]),
        (secret(kind=DOCKER_CFG), []),
        (secret(kind=DOCKER_CFG, user="admin"), ["secret-user"]),
        (secret(user="robot+puller"), ["secret-dollar"]),
        (secret(user="admin"), ["secret-user"]),
        (secret(password="another"), ["secret-password"]),
        ({"type": DOCKER_CONFIG, "data": {".dockerconfigjson": "%%%"}}, ["secret-unreadable"]),
        ({"type": DOCKER_CONFIG}, ["secret-registry"]),
        (None, ["secret-missing"]),
    ],
)
def test_a_pull_secret_is_judged_by_its_content(found: dict[str, Any] | None, wanted: list[str]) -> None:
    assert rules(found) == wanted


def test_a_secret_in_another_namespace_is_reported_with_that_namespace() -> None:
    assert rules(None, placed={"registry": ("other",)}) == ["secret-elsewhere"]


def test_the_service_accounts_secrets_count_if_the_pod_names_none() -> None:
    bare = pod()
    view = ClusterSnapshot(secrets={("demo", "registry"): secret()}, accounts={("demo", "default"): ("registry",)})
    assert all_matches(RULES, "secret", secret_evidence(bare, view, WANTED)) == []
    (verdict,) = all_matches(RULES, "secret", secret_evidence(bare, ClusterSnapshot(), WANTED))
    assert verdict.rule == "secret-unnamed"


def test_the_remedy_for_a_secret_that_moor_does_not_manage_is_no_moor_command() -> None:
    bare = pod(None, "", "right")
    view = ClusterSnapshot(secrets={("demo", "right"): secret(key="else.test")})
    (ours,) = all_matches(RULES, "secret", secret_evidence(bare, view, WANTED))
    (other,) = all_matches(RULES, "secret", secret_evidence(bare, view, PodExpectations(HOST, WANTED.login)))
    assert ours.mend == "moor apply workload"
    placed = PodExpectations(HOST, WANTED.login, placed=lambda _: frozenset({"right"}))
    (spread,) = all_matches(RULES, "secret", secret_evidence(bare, view, placed))
    assert spread.mend == "moor apply pull_secrets"
    assert "moor" not in other.mend.replace(HOST, "")
    assert other.mend.startswith("kubectl --namespace demo delete secret right; kubectl --namespace demo create secret")


def test_another_users_login_is_a_fault_if_it_is_refused_or_moors_pod_uses_it() -> None:
    view = ClusterSnapshot(secrets={("demo", "a"): secret(user="ci")})
    for wanted, refused, told in ((WANTED, "no", True), (PodExpectations(HOST, WANTED.login), "no", False),
                                  (PodExpectations(HOST, WANTED.login), "yes", True)):  # fmt: skip
        evidence = {**secret_evidence(pod(None, "", "a"), view, wanted), "refused": refused}
        assert bool(all_matches(RULES, "secret", evidence)) is told


def test_one_unreadable_secret_blocks_all_pulls_of_the_pod() -> None:
    broken = {"type": DOCKER_CONFIG, "data": {".dockerconfigjson": base64.b64encode(b"{").decode()}}
    view = ClusterSnapshot(secrets={("demo", "right"): secret(), ("demo", "broken"): broken})
    evidence = secret_evidence(pod(None, "", "right", "broken"), view, WANTED)
    assert [v.rule for v in all_matches(RULES, "secret", evidence)] == ["secret-unreadable"]


def test_the_robots_login_is_preferred_among_a_pods_logins() -> None:
    view = ClusterSnapshot(secrets={("demo", "a"): secret(user="ci"), ("demo", "b"): secret()})
    both = pod(None, "", "a", "b")
    for user, found in ((ROBOT, ROBOT), ("", "ci"), ("nobody", "ci")):
        login = login_of_pod(both, "demo/sqrt:1.0", view, HOST, user)
        assert login is not None
        assert login.user == found


def test_of_two_secrets_the_one_for_the_registry_is_judged() -> None:
    view = ClusterSnapshot(secrets={("demo", "a"): secret(key="x.test"), ("demo", "b"): secret()})
    assert all_matches(RULES, "secret", secret_evidence(pod(None, "", "a", "b"), view, WANTED)) == []


def told(found: dict[str, Any], *events: dict[str, Any], view: ClusterSnapshot | None = None) -> list[str]:
    """Return the first rule of each thing that holds a pod."""
    held = replace(view or ClusterSnapshot(), events=events)
    evidence = [{**one, "asked": "demo/sqrt:1.0"} for one in pod_evidence(found, held, WANTED, "node1")]
    return [rule for one in evidence for rule in [v.rule for v in all_matches(RULES, "pod", one)][:1]]


SANDBOX = "FailedCreatePodSandBox"


def event(message: str, reason: str = SANDBOX, name: str = "sqrt-7f-x") -> dict[str, Any]:
    return {"involvedObject": {"name": name}, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (pod(None, f"{HOST}/demo/sqrt@sha256:aa"), None),
        (pod(None, f"{HOST}/demo/sqrt@sha256:bb"), "pod-digest"),
        (pod({"reason": "ImagePullBackOff", "message": "Back-off"}), "pod-waiting"),
        (pod({"reason": "ErrImagePull", "message": "write /x: no space left on device"}), "pod-pull"),
        (pod({"reason": "ErrImagePull"}, image=f"{HOST}/demo/other:2"), "pod-other"),
        (pod({"reason": "ErrImagePull"}, image="docker.io/library/nginx:2"), "pod-elsewhere"),
        (pod({"reason": "InvalidImageName"}), "pod-name"),
        (pod({"reason": "ErrImageNeverPull"}), "pod-never"),
        (pod({"reason": "ContainerCreating"}), "pod-silent"),
        (pod({"reason": "PodInitializing"}), None),
    ],
)
def test_a_pod_is_judged_by_its_state(found: dict[str, Any], rule: str | None) -> None:
    assert told(found) == ([rule] if rule else [])


# Source: Kubernetes, pkg/kubelet/images/types.go, kuberuntime_container.go, container/sync_result.go; cri-api errors.go
@pytest.mark.parametrize(
    "reason",
    [
        "ImagePullBackOff", "ImageInspectError", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName",
        "RegistryUnavailable", "SignatureValidationFailed", "ImageVolumeMountFailed", "RROUnsupported",
        "CreateContainerConfigError", "PreCreateHookError", "CreateContainerError", "PreStartHookError",
        "PostStartHookError", "CrashLoopBackOff", "RunContainerError", "KillContainerError", "CreatePodSandboxError",
        "ConfigPodSandboxError", "KillPodSandboxError", "ResizePodInPlaceError", "RemoveContainerError",
        "WhatComesNext",
    ],
)  # fmt: skip
def test_every_waiting_reason_of_kubelet_is_a_fault(reason: str) -> None:
    found = pod({"reason": reason, "message": "why"}, "", "registry")
    assert len(told(found)) == 1
    (evidence,) = pod_evidence(found, ClusterSnapshot(), WANTED, "node1")
    (verdict, *_) = all_matches(RULES, "pod", {**evidence, "asked": "demo/sqrt:1.0"})
    assert "moor diagnose --event" not in verdict.mend
    assert "?" not in verdict.cause + verdict.mend


def test_a_missing_signature_is_explained() -> None:
    message = "image pull failed: Source image rejected: A signature was required, but no signature exists"
    (evidence,) = pod_evidence(
        pod({"reason": "SignatureValidationFailed", "message": message}), ClusterSnapshot(), WANTED
    )
    (verdict, *_) = all_matches(RULES, "pod", evidence)
    assert "policy.json" in verdict.mend


def test_all_waiting_reasons_of_a_pod_are_reported() -> None:
    found = pod({"reason": "ErrImagePull", "message": "x"})
    image = f"{HOST}/demo/init:9"
    first = {
        "name": "i",
        "image": image,
        "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "y"}},
    }
    found["spec"]["initContainers"] = [{"name": "i", "image": image}]
    found["status"]["initContainerStatuses"] = [first]
    assert told(found) == ["pod-config", "pod-waiting"]
    assert registry_images(found, HOST) == ["demo/init:9", "demo/sqrt:1.0"]


def test_an_evicted_pod_and_an_unscheduled_pod_are_reported() -> None:
    evicted = {
        **pod(),
        "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: x"},
    }
    assert told(evicted) == ["pod-failed"]
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    assert told({**pod(), "status": {"phase": "Pending", "conditions": [gated]}}) == ["pod-unscheduled"]


@pytest.mark.parametrize(
    ("message", "cause", "mend"),
    [
        (
            'failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image',
            "pause image",
            "sandbox_image",
        ),
        ('failed to setup network for sandbox "ab": plugin type="calico" failed (add): x', "network", "/etc/cni/net.d"),
        (
            "failed to create containerd task: OCI runtime create failed: runc create failed: cgroup",
            "runc",
            "cgroup driver",
        ),
        ('no runtime for "gvisor" is configured', "RuntimeClass", "runtimeClassName"),
        ("something that nobody knows", "something that nobody knows", "describe pod"),
    ],
)
def test_a_failed_sandbox_is_explained_by_its_message(message: str, cause: str, mend: str) -> None:
    view = ClusterSnapshot(
        events=[event(f"Failed to create pod sandbox: {message}"), event("not this one", name="else")]
    )
    (evidence,) = pod_evidence(pod({"reason": "ContainerCreating"}), view, WANTED, "node1")
    (verdict, *_) = all_matches(RULES, "pod", evidence)
    assert cause in verdict.cause
    assert mend in verdict.mend
    assert evidence["own"] == "yes"


def test_an_old_event_of_a_healthy_pod_is_no_fault() -> None:
    old = event("Failed to create pod sandbox: no pause image")
    assert told(pod(None, f"{HOST}/demo/sqrt@sha256:aa"), old) == []
    making = pod({"reason": "ContainerCreating"})
    making["status"]["conditions"] = [{"type": "PodReadyToStartContainers", "status": "True"}]
    assert told(making, old) == ["pod-silent"]


def made_by(kind: str, name: str, **labels: str) -> dict[str, Any]:
    reference = {"kind": kind, "name": name, "controller": True}
    return {"metadata": {"name": f"{name}-x", "namespace": "demo", "ownerReferences": [reference], "labels": labels}}


@pytest.mark.parametrize(
    ("found", "known", "top"),
    [
        (made_by("DaemonSet", "log-agent"), {}, ("DaemonSet", "log-agent")),
        (made_by("StatefulSet", "my-db"), {}, ("StatefulSet", "my-db")),
        (made_by("Job", "once-only"), {("demo", "Job", "once-only"): None}, ("Job", "once-only")),
        (made_by("Job", "nightly-a1"), {("demo", "Job", "nightly-a1"): ("CronJob", "nightly")}, ("CronJob", "nightly")),
        (made_by("Job", "nightly-29403120"), {}, ("CronJob", "nightly")),
        (made_by("ReplicaSet", "my-set"), {("demo", "ReplicaSet", "my-set"): None}, ("ReplicaSet", "my-set")),
        (made_by("ReplicaSet", "web-7f"), {("demo", "ReplicaSet", "web-7f"): ("Rollout", "web")}, ("Rollout", "web")),
        (made_by("ReplicaSet", "web-7f", **{"pod-template-hash": "7f"}), {}, ("Deployment", "web")),
        (made_by("Workflow", "train-42"), {}, ("Workflow", "train-42")),
        ({"metadata": {"name": "by-hand-1", "namespace": "demo"}}, {}, ("Pod", "by-hand-1")),
    ],
)
def test_the_topmost_owner_of_a_pod_is_found(found: dict[str, Any], known: Owners, top: tuple[str, str]) -> None:
    assert top_owner(found, known) == top
    assert {top[1], found["metadata"]["name"]} <= searchable_names(found, known)


def test_a_pods_images_are_known_by_tag_and_by_digest() -> None:
    for image, path in ((f"{HOST}/demo/sqrt", "demo/sqrt:latest"), (f"{HOST}/demo/sqrt@sha256:aa",
    "demo/sqrt@sha256:aa"),
                        (f"{HOST}/demo/sqrt:1.0@sha256:aa", "demo/sqrt@sha256:aa"), (f"{HOST}:5000/demo/sqrt:1", None),
                        ("demo/sqrt:1.0", None)):  # fmt: skip
        assert registry_images(pod(image=image), HOST) == ([path] if path else [])
    assert uses_registry(pod(image=f"{HOST}/demo/sqrt@sha256:aa"), HOST)
    assert waits_for_image(pod({"reason": "ErrImagePull"}))
    assert waits_for_image(pod({"reason": "SignatureValidationFailed"}))
    assert not waits_for_image(pod({"reason": "ContainerCreating"}))


def test_pods_of_one_owner_with_the_same_fault_are_reported_once() -> None:
    view = ClusterSnapshot()
    found = [one for n in range(3) for one in pod_evidence(pod({"reason": "ErrImagePull"}), view, WANTED)]
    crashing = pod_evidence(pod({"reason": "CrashLoopBackOff"}), view, WANTED)
    assert [one["reason"] for one in distinct_faults([*found, *crashing])] == ["ErrImagePull", "CrashLoopBackOff"]
    well = pod_evidence(pod(), view, WANTED)
    assert distinct_faults(well * 2) == well


@given(st.recursive(st.none() | st.text(max_size=5), lambda below: st.dictionaries(st.text(max_size=5), below)))
def test_any_content_of_a_secret_can_be_judged(content: Any) -> None:
    raw = base64.b64encode(json.dumps(content).encode()).decode()
    rules({"type": DOCKER_CONFIG, "data": {".dockerconfigjson": raw}})


def test_a_node_is_described_by_its_ready_condition() -> None:
    condition = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting"}
    lost: dict[str, Any] = {"metadata": {"name": "node1"}, "status": {"conditions": [condition]}}
    assert [v.rule for v in all_matches(RULES, "node", node_evidence(lost, "node1"))] == ["node-lost"]
    assert [v.rule for v in all_matches(RULES, "node", node_evidence(None, "node1"))] == ["node-unknown"]


@pytest.mark.parametrize(
    ("version", "system", "more", "restart"),
    [
        ("v1.36.2", "Debian", {}, "systemctl restart kubelet"),
        ("v1.33.1+k3s1", "Debian", {}, "k3s-agent"),
        ("v1.33.1+rke2r1", "Debian", {}, "rke2-agent"),
        ("v1.33.1+k0s", "Debian", {}, "k0sworker"),
        ("v1.33.1", "Ubuntu", {"labels": {"microk8s.io/cluster": "true"}}, "snap restart microk8s"),
        ("v1.33.1", "Talos (v1.10.0)", {}, "talosctl --nodes node1"),
        ("v1.33.1", "Ubuntu", {"labels": {"minikube.k8s.io/name": "m"}}, "minikube start"),
        ("v1.33.1", "Debian", {"providerID": "kind://docker/kind/node1"}, "docker restart node1"),
    ],
)
def test_the_remedy_for_a_node_fits_its_distribution(
    version: str, system: str, more: dict[str, Any], restart: str
) -> None:
    info = {"kubeletVersion": version, "osImage": system}
    ready = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting"}]
    lost = {
        "metadata": {"name": "node1", "labels": more.get("labels", {})},
        "spec": {"providerID": more.get("providerID", "")},
        "status": {"conditions": ready, "nodeInfo": info},
    }
    (verdict,) = all_matches(RULES, "node", node_evidence(lost, "node1"))
    assert restart in verdict.mend
    assert "apt-get" not in verdict.mend


@pytest.mark.parametrize("lacking", [{}, {"metadata": None}, {"metadata": {"name": 7}}, {"metadata": {"name": "a"}}])
def test_an_object_that_is_not_a_pod_is_not_read_as_one(lacking: dict[str, Any]) -> None:
    pod = {"metadata": {"name": "a", "namespace": "demo"}, "spec": {}}
    assert [is_complete(tree, "Pod") for tree in (pod, lacking, {**pod, **lacking})] == [True, False, lacking == {}]
