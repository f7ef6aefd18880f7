"""A rollout that hangs says why as soon as it is known; one whose cluster restarts goes on."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from moor.errors import HostError
from moor.tasks.cluster.api import REPORTED_SILENCE_S, is_transient
from moor.tasks.cluster.objects import Manifest
from moor.tasks.workload.pod_troubles import FINAL, OPEN, SLOW_S, SURE_S, pod_troubles
from moor.tasks.workload.rollout import Rollout, RolloutWatch
from moor.tasks.workload.rollout_troubles import RolloutPods, find_troubles, newest_replica_sets
from moor_lab.kubernetes.standin import kinds
from tests.kubernetes.conftest import Clock, Fleet
from tests.kubernetes.hushed import HushedWay
from tests.kubernetes.samples import deployment
from tests.kubernetes.served import Api
from tests.tasks.clusters import run

HOST = "registry.moor.test"
SILENT_S = REPORTED_SILENCE_S + 0.5
PULL = f'failed to pull and unpack image "{HOST}/demo/web:9": failed to resolve image: '


def pod(*entries: dict[str, Any], node: str = "node1", conditions: Any = ()) -> dict[str, Any]:
    metadata = {"name": "web-1", "uid": "u1", "namespace": "demo"}
    status = {"phase": "Pending", "containerStatuses": list(entries), "conditions": list(conditions)}
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"name": "web", "ready": False, "state": {"waiting": {"reason": reason, "message": message}}}


def event(reason: str, message: str, uid: str = "u1", at: str = "2026-01-01T00:00:00Z", kind: str = "Warning") -> Any:
    return {
        "involvedObject": {"uid": uid},
        "reason": reason,
        "message": message,
        "type": kind,
        "lastTimestamp": at,
    }


@pytest.mark.parametrize(
    ("reason", "message", "patience_s"),
    [
        ("InvalidImageName", "invalid reference format", FINAL),
        ("ErrImageNeverPull", "not present with pull policy of Never", FINAL),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", FINAL),
        ("CreateContainerConfigError", 'configmap "nope" not found', SURE_S),
        ("RunContainerError", "exec: no such file or directory", SURE_S),
        ("ErrImagePull", f"rpc error: code = NotFound desc = {PULL}{HOST}/demo/web:9: not found", SURE_S),
        ("ImagePullBackOff", f"{PULL}pull access denied, repository does not exist", SURE_S),
        ("ErrImagePull", f"{PULL}unexpected status from HEAD request to https://{HOST}: 401 Unauthorized", SURE_S),
        ("ErrImagePull", f"{PULL}tls: failed to verify certificate: x509: certificate signed by unknown", SURE_S),
        ("ErrImagePull", f"{PULL}dial tcp 10.0.0.1:443: connect: connection refused", OPEN),
        ("ErrImagePull", f"{PULL}unexpected status from HEAD request to https://{HOST}: 502 Bad Gateway", OPEN),
        ("CrashLoopBackOff", "back-off 20s restarting failed container", SLOW_S),
        ("ContainerCreating", "", OPEN),
    ],
)
def test_a_reason_may_stand_for_as_long_as_it_may_pass_by_itself(reason: str, message: str, patience_s: float) -> None:
    (found,) = pod_troubles(pod(waits(reason, message)))
    assert found.patience_s == patience_s
    assert found.words.startswith(f"node1: {reason}")
    assert message in found.words


def test_err_image_pull_and_its_back_off_are_one_trouble() -> None:
    keys = {pod_troubles(pod(waits(reason, "not found")))[0].key for reason in ("ErrImagePull", "ImagePullBackOff")}
    assert len(keys) == 1


def test_a_container_that_crashes_says_how_it_ended() -> None:
    crashed = {**waits("CrashLoopBackOff", "back-off 20s"), "lastState": {"terminated": {"exitCode": 3}}}
    assert pod_troubles(pod(crashed))[0].words == "node1: CrashLoopBackOff: back-off 20s; it ended with exit code 3"


def test_an_image_that_runs_as_root_is_told_what_to_say() -> None:
    message = "container has runAsNonRoot and image will run as root"
    assert (
        "or the workload restricted: false" in pod_troubles(pod(waits("CreateContainerConfigError", message)))[0].words
    )


def test_a_readiness_probe_that_fails_may_still_succeed() -> None:
    (found,) = pod_troubles(pod({"name": "web", "ready": False, "state": {"running": {}}}))
    assert (found.words, found.patience_s) == ("node1: web runs, but its readiness probe fails", OPEN)


@pytest.mark.parametrize(
    ("reason", "patience_s"),
    [
        ("FailedCreatePodSandBox", SLOW_S),
        ("FailedMount", SURE_S),
        ("NetworkNotReady", SLOW_S),
        ("FailedAttachVolume", OPEN),
    ],
)
def test_a_pod_without_words_of_its_own_has_those_of_its_newest_event(reason: str, patience_s: float) -> None:
    events = [
        event(reason, "former words", at="2026-01-01T00:00:00Z"),
        event(reason, "the cause", at="2026-01-01T00:00:09Z"),
        event(reason, "of another pod", uid="u2", at="2026-01-01T00:00:10Z"),
        event("Pulling", "no trouble", at="2026-01-01T00:00:11Z", kind="Normal"),
    ]
    (found,) = pod_troubles(pod(waits("ContainerCreating")), events)
    assert (found.words, found.patience_s) == (f"node1: {reason}: the cause", patience_s)


def test_a_pod_without_a_node_has_the_schedulers_words_and_waits_for_a_cluster_that_grows() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    unplaced = pod(node="", conditions=[condition])
    assert [(t.words, t.patience_s) for t in pod_troubles(unplaced)] == [("no node: 0/2 nodes", SLOW_S)]
    scheduler = [event("FailedScheduling", "0/2 nodes are available")]
    assert [t.words for t in pod_troubles(unplaced, scheduler)] == [
        "no node: FailedScheduling: 0/2 nodes are available"
    ]
    growing = [*scheduler, event("TriggeredScaleUp", "pod triggered scale-up", kind="Normal")]
    assert [t.patience_s for t in pod_troubles(unplaced, growing)] == [OPEN]


def test_pods_that_leave_are_nobodys_trouble() -> None:
    leaving = pod(waits("ErrImagePull", "not found"))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_troubles(leaving) == []


def test_a_pod_that_a_node_has_turned_away_says_so() -> None:
    evicted = {**pod(), "status": {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough cpu"}}
    assert [t.words for t in pod_troubles(evicted)] == ["node1: OutOfcpu: Node didn't have enough cpu"]


def test_a_paused_deployment_is_told_at_once() -> None:
    (found,) = find_troubles(deployment(paused=True), RolloutPods())
    assert (found.patience_s, "kubectl rollout resume" in found.words) == (FINAL, True)


def test_a_trouble_ends_the_wait_once_it_has_stood_for_its_time_and_not_before() -> None:
    found, watch = pod_troubles(pod(waits("ErrImagePull", "not found"))), RolloutWatch(fresh=True)
    assert [watch.in_vain(found, now) for now in (0.0, SURE_S - 1, SURE_S)] == [False, False, True]


def test_a_trouble_that_passes_begins_anew_when_it_comes_back() -> None:
    found, watch = pod_troubles(pod(waits("ErrImagePull", "not found"))), RolloutWatch(fresh=True)
    assert [watch.in_vain(seen, now) for seen, now in ((found, 0.0), ([], 20.0), (found, 25.0), (found, 40.0))] == [
        False
    ] * 4


def test_a_trouble_of_before_what_mended_it_may_stand_until_it_is_tried_again() -> None:
    watch = RolloutWatch(fresh=False)
    old = pod_troubles(pod(waits("ImagePullBackOff", "pull access denied")))
    assert [watch.in_vain(old, now) for now in (0.0, 100.0)] == [False, False]
    final = pod_troubles(pod(waits("InvalidImageName", "invalid reference format")))
    assert watch.in_vain(final, 101.0)


def replica_set(uid: str, image: str, owner: str = "d1", **status: Any) -> dict[str, Any]:
    template = deployment(image)["spec"]["template"]
    labels = {**template["metadata"]["labels"], "pod-template-hash": uid}
    return {
        "metadata": {"name": f"web-{uid}", "uid": uid, "ownerReferences": [{"uid": owner, "controller": True}]},
        "spec": {"template": {**template, "metadata": {"labels": labels}}},
        "status": status,
    }


def test_what_an_older_template_suffered_is_not_the_rollouts() -> None:
    held = {**deployment("i:2"), "metadata": {"name": "web", "uid": "d1"}}
    refused = {"type": "ReplicaFailure", "status": "True", "message": 'pods "web-x" is forbidden: exceeded quota: q'}
    old, new = replica_set("r1", "i:1", conditions=[refused]), replica_set("r2", "i:2")
    others = replica_set("r3", "i:2", owner="d2")
    assert newest_replica_sets(held, [old, new, others]) == {"r2"}
    assert find_troubles(held, RolloutPods(sets=[new])) == []
    (found,) = find_troubles(held, RolloutPods(sets=[replica_set("r2", "i:2", conditions=[refused])]))
    assert found.words == "the cluster refuses its pods: pods is forbidden: exceeded quota: q"


@pytest.fixture
def fleet(api: Api) -> Fleet:
    """Three nodes and the namespace demo, behind the served API."""
    fleet = Fleet(api.cluster, Clock(datetime.now(UTC)))
    for name in ("n1", "n2", "n3"):
        fleet.add_node(name)
    return fleet


def make_namespace(fleet: Fleet) -> None:
    fleet.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo"}})


def test_pods_that_admission_refuses_are_told_at_once_in_the_clusters_words(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, api.kubeconfig, [Manifest(deployment()), Rollout("demo", "web", wait_s=100)])
        while not fleet.cluster.store.find(kinds.DEPLOYMENT, "demo", "web"):
            threading.Event().wait(0.05)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}  # by somebody else, after the plan
        fleet.apply(kinds.NAMESPACE, {"metadata": {"name": "demo", "labels": labels}})
        fleet.settle()
        began = time.monotonic()
        error = waiting.result(timeout=120).error
    assert time.monotonic() - began < 20
    assert 'the cluster refuses its pods: pods is forbidden: violates PodSecurity "restricted:latest"' in error
    assert "waiting longer would not help" in error
    assert "run moor diagnose -n demo web to find the cause" in error


def test_the_event_with_the_cause_is_told_when_the_time_is_up(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    fleet.broken_images.add("registry.test/demo/web:1")
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=1))
    fleet.settle()
    (waiting,) = fleet.pods()
    about = {"kind": "Pod", "name": waiting["metadata"]["name"], "uid": waiting["metadata"]["uid"], "namespace": "demo"}
    told = {"reason": "FailedCreatePodSandBox", "message": "plugin type=bridge: no addresses", "type": "Warning"}
    fleet.cluster.create(kinds.EVENT, "demo", {"metadata": {"name": "e"}, "involvedObject": about, **told})
    error = run(api.kubeconfig, [Rollout("demo", "web", wait_s=1)]).error
    assert "not complete after 1 s (1 of 1 updated, 0 available): " in error
    assert "FailedCreatePodSandBox: plugin type=bridge: no addresses" in error


def test_a_tenant_who_may_not_read_events_gets_what_else_is_known(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    fleet.broken_images.add("registry.test/demo/web:1")
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=1))
    fleet.settle()
    error = run(api.tenant("demo"), [Rollout("demo", "web", wait_s=1)]).error
    assert "not complete after 1 s (1 of 1 updated, 0 available): no pod gives a reason" in error


def test_a_restart_of_the_api_during_the_wait_is_waited_for_and_told(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    fleet.apply(kinds.DEPLOYMENT, deployment())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, api.kubeconfig, [Rollout("demo", "web", wait_s=60)])
        while len(api.asked) < 3 and not waiting.done():  # it has read, planned, and begun to wait
            threading.Event().wait(0.05)
        with api.down():
            threading.Event().wait(4)
        fleet.settle()
        ran = waiting.result(timeout=60)
    assert (ran.error, ran.status) == ("", {"rollout:demo/web": "changed"})
    (words,) = ran.found
    assert words.startswith("the cluster's API answered only after ")
    assert "refused" in words


@pytest.mark.parametrize(
    ("asked", "after"),
    [("/deployments/web", 0), ("/replicasets", 200), ("/pods", 200)],
)
def test_an_api_that_goes_silent_during_the_wait_is_asked_again(api: Api, fleet: Fleet, asked: str, after: int) -> None:
    make_namespace(fleet)
    fleet.broken_images.add("registry.test/demo/web:1")
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    way = HushedWay(int(api.server.server_address[1]))

    def hush(path: str) -> None:
        if asked in path and len(api.asked) > 2 and not way.silent:  # it has read, planned, and begun to wait
            way.hush(after)
            api.answering = lambda _: None

    api.answering = hush
    waits: list[Any] = [Rollout("demo", "web", wait_s=15)]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run, api.by_way_of(way.port), waits, timeout_s=0.5)
        while not way.silent and not waiting.done():
            threading.Event().wait(0.05)
        threading.Event().wait(SILENT_S)
        way.speak()
        fleet.broken_images.clear()
        fleet.settle()
        ran = waiting.result(timeout=60)
    way.close()
    assert (ran.error, ran.status) == ("", {"rollout:demo/web": "changed"})
    (words,) = ran.found
    assert words.startswith("the cluster's API answered only after ")
    assert "the cluster's API does not answer" in words


def test_an_api_that_stays_silent_is_told_when_the_time_is_up(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    fleet.broken_images.add("registry.test/demo/web:1")
    fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.settle()
    way = HushedWay(int(api.server.server_address[1]))
    api.answering = lambda path: way.hush() if "/replicasets" in path else None
    kubeconfig = api.by_way_of(way.port)
    error = run(kubeconfig, [Rollout("demo", "web", wait_s=2)], timeout_s=0.3).error
    way.close()
    assert "rollout:demo/web: the cluster's API does not answer: " in error
    assert str(kubeconfig) in error


def test_a_plan_says_at_once_that_nobody_answers(api: Api, fleet: Fleet) -> None:
    make_namespace(fleet)
    with api.down():
        began = time.monotonic()
        error = run(api.kubeconfig, [Rollout("demo", "web")], plan=True).error
    assert "the cluster's API does not answer" in error
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("code", "lasted_s", "passing"),
    [
        (503, 0, True),
        (429, 99, True),
        (504, 0, True),
        (500, 0, True),
        (401, 5, True),
        (401, 60, False),
        (403, 0, False),
        (404, 0, False),
        (422, 0, False),
    ],
)
def test_what_the_api_says_while_it_starts_passes_and_a_refusal_does_not(
    code: int, lasted_s: float, passing: bool
) -> None:
    from lightkube.core.exceptions import ApiError
    from lightkube.models.meta_v1 import Status

    error = HostError("words")
    error.__cause__ = ApiError(status=Status(code=code, message="words"))
    assert is_transient(error, lasted_s) is passing
