"""When a rollout is complete, by the kind of object."""

from __future__ import annotations

from typing import Any

import pytest

from moor.tasks.workload.progress import COMPLETE, UNSEEN, progress


def tree(kind: str, spec: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"generation": 2}, "spec": spec, "status": {"observedGeneration": 2, **status}}


def stateful(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    revisions = {"currentRevision": "a", "updateRevision": "b"}
    return tree("StatefulSet", {"replicas": 3, **(spec or {})}, **{"replicas": 3, **revisions, **status})


def rolling(**rules: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rules}}


def ended(kind: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (stateful(updatedReplicas=3, readyReplicas=3), COMPLETE),
        (stateful(updatedReplicas=3, readyReplicas=2), "3 of 3 updated, 2 of 3 ready"),
        (stateful(updatedReplicas=1, readyReplicas=3), "1 of 3 updated, 3 of 3 ready"),
        (stateful(currentRevision="b", readyReplicas=3), COMPLETE),
        (stateful(currentRevision="b", readyReplicas=3, replicas=4), "0 of 3 updated, 3 of 3 ready"),
        (stateful(rolling(partition=2), updatedReplicas=1, readyReplicas=3), COMPLETE),
        (stateful(rolling(partition=2), updatedReplicas=0, readyReplicas=3), "0 of 1 updated, 3 of 3 ready"),
        (stateful({"updateStrategy": {"type": "OnDelete"}}, updatedReplicas=0, readyReplicas=3), COMPLETE),
        (
            stateful({"minReadySeconds": 9}, updatedReplicas=3, readyReplicas=3, availableReplicas=1),
            "3 of 3 updated, 1 of 3 ready",
        ),
        (stateful({"replicas": 0}, replicas=0), COMPLETE),
        (tree("StatefulSet", {"replicas": 1}, observedGeneration=1), UNSEEN),
        (tree("DaemonSet", {}, desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2), COMPLETE),
        (tree("DaemonSet", {}), COMPLETE),  # no node that it is for
        (
            tree("DaemonSet", {}, desiredNumberScheduled=2, updatedNumberScheduled=1, numberAvailable=2),
            "1 of 2 nodes updated, 2 available",
        ),
        (
            tree("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, desiredNumberScheduled=2, numberAvailable=2),
            COMPLETE,
        ),
        (tree("Job", {"completions": 3}, succeeded=1, active=2), "1 of 3 succeeded, 2 active"),
        (tree("Job", {}, **ended("Complete")), COMPLETE),
        (tree("Job", {"suspend": True}), COMPLETE),
        (
            tree("Job", {}, **ended("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")),
            "failed: BackoffLimitExceeded: Job has reached the specified backoff limit",
        ),
        ({"kind": "CustomResourceDefinition", "status": ended("Established")}, COMPLETE),
        ({"kind": "CustomResourceDefinition", "status": {}}, "not yet served by the cluster"),
    ],
)
def test_a_rollout_is_complete_when_its_kind_has_nothing_left_to_do(found: dict[str, Any], words: str) -> None:
    assert progress(found) == words
