"""What holds up a rollout of each kind, from its object, its events and its pods."""

from __future__ import annotations

from typing import Any

import pytest

from moor.tasks.workload.pod_troubles import FINAL, OPEN, SLOW_S, SURE_S, pod_troubles
from moor.tasks.workload.rollout_troubles import RolloutPods, find_troubles, waits_for_claims

POLICY = 'violates PodSecurity "restricted:latest": runAsNonRoot != true'
APPLIED = "2026-01-01T00:00:10Z"


def owner(kind: str, **spec: Any) -> dict[str, Any]:
    fields = [{"manager": "moor", "operation": "Apply", "time": APPLIED}, {"manager": "kube", "time": "2027-01-01"}]
    metadata = {"name": "db", "uid": "o1", "namespace": "demo", "managedFields": fields}
    return {"kind": kind, "metadata": metadata, "spec": spec, "status": {"updateRevision": "db-2"}}


def event(reason: str, message: str, at: str, uid: str = "o1") -> dict[str, Any]:
    about = {"uid": uid}
    return {"involvedObject": about, "reason": reason, "message": message, "type": "Warning", "lastTimestamp": at}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("StatefulSet", f'create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: {POLICY}'),
        ("DaemonSet", f'Error creating: pods "db-x7k2p" is forbidden: {POLICY}'),
        ("Job", f'Error creating: pods "db-x7k2p" is forbidden: {POLICY}'),
    ],
)
def test_pods_that_are_refused_are_told_by_the_event_of_what_makes_them(kind: str, message: str) -> None:
    events = [event("FailedCreate", message, "2026-01-01T00:00:11Z"), event("FailedCreate", "x", APPLIED, "other")]
    (found,) = find_troubles(owner(kind), RolloutPods(events=events))
    assert found.words == f"the cluster refuses its pods: pods is forbidden: {POLICY}"
    assert found.patience_s == FINAL


@pytest.mark.parametrize(
    ("message", "patience_s"),
    [
        ('Error creating: pods "db-x" is forbidden: exceeded quota: small', SURE_S),
        ('Error creating: Internal error occurred: failed calling webhook "x": no endpoints', SLOW_S),
    ],
)
def test_a_refusal_that_may_pass_is_given_time(message: str, patience_s: float) -> None:
    (found,) = find_troubles(owner("DaemonSet"), RolloutPods(events=[event("FailedCreate", message, APPLIED)]))
    assert found.patience_s == patience_s


def test_an_event_of_before_the_apply_is_about_the_former_template() -> None:
    events = [event("FailedCreate", f"Error creating: {POLICY}", "2026-01-01T00:00:09Z")]
    assert find_troubles(owner("StatefulSet"), RolloutPods(events=events)) == []


def pod(revision: str) -> dict[str, Any]:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "i/o timeout"}}
    return {
        "metadata": {
            "name": "db-0",
            "uid": "p1",
            "namespace": "demo",
            "labels": {"controller-revision-hash": revision},
        },
        "spec": {"nodeName": "n1"},
        "status": {"containerStatuses": [{"name": "c", "state": state}]},
    }


def test_a_stateful_set_that_waits_for_a_broken_pod_of_its_former_template_is_told_with_the_way_out() -> None:
    (found,) = find_troubles(owner("StatefulSet"), RolloutPods(pods=[pod("db-1")]))
    assert found.words.endswith("run kubectl delete pod -n demo db-0")
    assert found.patience_s == SLOW_S
    (newest,) = find_troubles(owner("StatefulSet"), RolloutPods(pods=[pod("db-2")]))
    assert (newest.words, newest.patience_s) == ("n1: ImagePullBackOff: i/o timeout", OPEN)
    (parallel,) = find_troubles(owner("StatefulSet", podManagementPolicy="Parallel"), RolloutPods(pods=[pod("db-1")]))
    assert parallel.words == newest.words


def test_a_job_that_has_failed_is_told_at_once() -> None:
    job = owner("Job")
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "was active too long"}
    job["status"] = {"conditions": [failed]}
    (found,) = find_troubles(job, RolloutPods())
    assert found.words == "the Job has failed: DeadlineExceeded: was active too long; delete it to have it run again"
    assert found.patience_s == FINAL


def test_a_readiness_probe_that_fails_says_what_it_got() -> None:
    running = {"name": "c", "ready": False, "state": {"running": {}}}
    unready = {**pod("db-2"), "status": {"containerStatuses": [running]}}
    events = [
        event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", "2026-01-01", "p1"),
        event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "2026-01-02", "p1"),
        event("Unhealthy", "of another pod", "2026-01-03", "p2"),
    ]
    (found,) = pod_troubles(unready, events)
    assert found.words == (
        "n1: c runs, but its readiness probe fails: Readiness probe failed: HTTP probe failed with statuscode: 503"
    )


def test_pods_that_wait_for_a_volume_say_why_its_claim_is_not_bound() -> None:
    waiting = pod("db-2")
    waiting["spec"] = {
        "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data-db-0"}}, {"emptyDir": {}}]
    }
    waiting["status"] = {}
    scheduler = event("FailedScheduling", "0/2 nodes: pod has unbound immediate PersistentVolumeClaims", APPLIED, "p1")
    assert waits_for_claims([waiting], [scheduler])
    assert not waits_for_claims([waiting], [])
    words = "no persistent volumes available for this claim and no storage class is set"
    about = {"kind": "PersistentVolumeClaim", "name": "data-db-0"}
    events = [
        scheduler,
        {**event("FailedBinding", words, APPLIED), "involvedObject": about, "type": "Normal"},
        {**event("FailedBinding", "of another", APPLIED), "involvedObject": {**about, "name": "x"}},
    ]
    found = find_troubles(owner("StatefulSet"), RolloutPods(pods=[waiting], events=events))
    assert found[0].words == f"volume claim data-db-0: FailedBinding: {words}"
    assert found[0].patience_s == SLOW_S
