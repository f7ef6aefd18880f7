"""Stateful sets: pods in order, their claims, updates, and what holds an update up."""

from __future__ import annotations

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.errors import ApiError
from moor_lab.kubernetes.standin.objects import Object, dig, is_true, name_of
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import stateful_set

GOOD, NEXT, BAD = (f"registry.test/demo/web:{tag}" for tag in ("1", "2", "bad"))


def images(fleet: Fleet) -> dict[str, str]:
    return {name_of(pod): pod["spec"]["containers"][0]["image"] for pod in fleet.pods("db")}


def status(fleet: Fleet) -> Object:
    found: Object = fleet.cluster.store.get(kinds.STATEFUL_SET, "demo", "db")["status"]
    return found


def events(fleet: Fleet) -> list[str]:
    found = fleet.cluster.store.select(kinds.EVENT, "demo")[0]
    return [one["message"] for one in found if one["involvedObject"]["kind"] == "StatefulSet"]


def test_pods_come_in_order_with_a_claim_each(fleet: Fleet) -> None:
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD))
    fleet.settle()
    assert set(images(fleet)) == {"db-0", "db-1", "db-2"}
    claims = {name_of(one): one for one in fleet.cluster.store.select(kinds.CLAIM, "demo")[0]}
    assert set(claims) == {"data-db-0", "data-db-1", "data-db-2"}
    assert {one["status"]["phase"] for one in claims.values()} == {"Bound"}
    first = fleet.cluster.store.get(kinds.POD, "demo", "db-0")
    assert first["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-0"
    assert dig(first, "spec", "volumes", 0, "persistentVolumeClaim", "claimName") == "data-db-0"
    told = status(fleet)
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    assert [told[name] for name in counts] == [3, 3, 3, 3, 3]
    assert told["currentRevision"] == told["updateRevision"] == first["metadata"]["labels"]["controller-revision-hash"]
    assert "create Pod db-0 in StatefulSet db successful" in events(fleet)
    assert "create Claim data-db-0 Pod db-0 in StatefulSet db success" in events(fleet)
    version = fleet.cluster.store.version
    fleet.settle()
    assert fleet.cluster.store.version == version


def test_a_pod_that_is_not_ready_holds_up_those_after_it(fleet: Fleet) -> None:
    fleet.broken_images.add(BAD)
    fleet.apply(kinds.STATEFUL_SET, stateful_set(BAD))
    fleet.settle()
    assert set(images(fleet)) == {"db-0"}
    assert status(fleet)["replicas"] == 1
    parallel = stateful_set(BAD, podManagementPolicy="Parallel")
    with pytest.raises(ApiError, match="updates to statefulset spec for fields other than 'replicas', 'ordinals'"):
        fleet.apply(kinds.STATEFUL_SET, parallel, force=True)
    fleet.cluster.delete(kinds.STATEFUL_SET, "demo", "db")
    fleet.settle()
    fleet.apply(kinds.STATEFUL_SET, parallel)
    fleet.settle()
    assert set(images(fleet)) == {"db-0", "db-1", "db-2"}


def test_an_update_goes_from_the_last_pod_to_the_partition(fleet: Fleet) -> None:
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD))
    fleet.settle()
    before = status(fleet)["currentRevision"]
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    fleet.apply(kinds.STATEFUL_SET, stateful_set(NEXT, updateStrategy=partition))
    fleet.settle()
    assert images(fleet) == {"db-0": GOOD, "db-1": NEXT, "db-2": NEXT}
    assert (status(fleet)["currentRevision"], status(fleet)["updatedReplicas"]) == (before, 2)
    fleet.cluster.delete(kinds.POD, "demo", "db-0")
    fleet.settle()
    assert images(fleet)["db-0"] == GOOD
    fleet.apply(kinds.STATEFUL_SET, stateful_set(NEXT))
    fleet.settle()
    assert set(images(fleet).values()) == {NEXT}
    assert status(fleet)["currentRevision"] == status(fleet)["updateRevision"] != before


def test_a_mended_template_does_not_mend_a_pod_that_is_stuck(fleet: Fleet) -> None:
    """As with a real one: an update waits for the pod that cannot come up, until somebody deletes it."""
    fleet.broken_images.add(BAD)
    for image in (GOOD, BAD, GOOD):
        fleet.apply(kinds.STATEFUL_SET, stateful_set(image))
        fleet.settle()
    assert images(fleet) == {"db-0": GOOD, "db-1": GOOD, "db-2": BAD}
    fleet.cluster.delete(kinds.POD, "demo", "db-2")
    fleet.settle()
    assert set(images(fleet).values()) == {GOOD}
    revisions = fleet.cluster.store.select(kinds.CONTROLLER_REVISION, "demo")[0]
    assert sorted(one["revision"] for one in revisions) == [2, 3]


def test_fewer_replicas_leave_the_claims(fleet: Fleet) -> None:
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD))
    fleet.settle()
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD, replicas=1))
    fleet.settle()
    assert set(images(fleet)) == {"db-0"}
    assert len(fleet.cluster.store.select(kinds.CLAIM, "demo")[0]) == 3
    assert "delete Pod db-2 in StatefulSet db successful" in events(fleet)


def test_a_pod_comes_back_where_its_volume_is(fleet: Fleet) -> None:
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD, replicas=1))
    fleet.settle()
    node = fleet.pods("db")[0]["spec"]["nodeName"]
    fleet.cordon(node)
    fleet.cluster.delete(kinds.POD, "demo", "db-0")
    fleet.settle()
    (pod,) = fleet.pods("db")
    assert not is_true(pod, "Ready")
    words = "1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity"
    assert words in dig(pod, "status", "conditions", 0, "message")


def test_a_refused_pod_is_told_by_the_set(fleet: Fleet) -> None:
    fleet.apply(kinds.NAMESPACE, {"metadata": {"name": "demo", "annotations": {"moor.test/webhook-denies": "no"}}})
    fleet.apply(kinds.STATEFUL_SET, stateful_set(GOOD))
    fleet.settle()
    denied = 'admission webhook "pods.moor.test" denied the request: no'
    assert f"create Pod db-0 in StatefulSet db failed error: {denied}" in events(fleet)
