"""Deployments, replica sets and garbage collection, with simulated nodes."""

from __future__ import annotations

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.controllers.rollouts import absolute, template_hash
from moor_lab.kubernetes.standin.objects import Object, clone, condition, dig, is_true, name_of
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import deployment

GOOD, NEXT, BAD = (f"registry.test/demo/web:{tag}" for tag in ("1", "2", "bad"))


def images(pods: list[Object]) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for pod in pods)


def running(fleet: Fleet) -> list[Object]:
    return [pod for pod in fleet.pods() if is_true(pod, "Ready")]


def test_a_deployment_comes_up(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    status = fleet.deployment()["status"]
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert [status[name] for name in counts] == [3, 3, 3, 3]
    assert status["observedGeneration"] == 1
    assert is_true(fleet.deployment(), "Available")
    assert (condition(fleet.deployment(), "Progressing") or {})["reason"] == "NewReplicaSetAvailable"
    assert {pod["spec"]["nodeName"] for pod in running(fleet)} == {"n1", "n2", "n3"}


def test_a_settled_cluster_is_left_alone(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    version = fleet.cluster.store.version
    fleet.settle()
    assert fleet.cluster.store.version == version


@pytest.mark.parametrize(
    ("surge", "unavailable"), [("25%", "25%"), (1, 0), (0, 1), ("100%", "100%")], ids=lambda bound: str(bound)
)
def test_an_update_replaces_every_pod(fleet: Fleet, surge: int | str, unavailable: int | str) -> None:
    # the lab's pods share their node's ports: there has to be room for what an update has too many
    for name in ("n4", "n5", "n6"):
        fleet.add_node(name)
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, strategy=strategy))
    fleet.settle()
    fleet.apply(kinds.DEPLOYMENT, deployment(NEXT, strategy=strategy))
    fleet.settle()
    assert images(running(fleet)) == [NEXT, NEXT, NEXT]
    assert fleet.deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


@pytest.mark.parametrize(("surge", "unavailable", "left"), [(1, 0, 3), (0, 1, 2), ("25%", "25%", 3)])
def test_a_bad_image_never_takes_down_more_than_allowed(
    fleet: Fleet, surge: int | str, unavailable: int | str, left: int
) -> None:
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    fleet.broken_images.add(BAD)
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, strategy=strategy))
    fleet.settle()
    fleet.apply(kinds.DEPLOYMENT, deployment(BAD, strategy=strategy))
    fleet.settle()
    assert images(running(fleet)) == [GOOD] * left
    assert is_true(fleet.deployment(), "Available")


def test_a_stuck_rollout_exceeds_its_deadline(fleet: Fleet) -> None:
    fleet.broken_images.add(BAD)
    fleet.apply(kinds.DEPLOYMENT, deployment(BAD, progressDeadlineSeconds=60))
    fleet.settle()
    assert not is_true(fleet.deployment(), "Available")
    fleet.clock.turn(61)
    for name in ("n1", "n2", "n3"):
        fleet.beat(name)
    fleet.settle()
    progressing = condition(fleet.deployment(), "Progressing") or {}
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert "has timed out progressing" in progressing["message"]


def test_a_mended_image_ends_a_stuck_rollout(fleet: Fleet) -> None:
    strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    fleet.broken_images.add(BAD)
    fleet.apply(kinds.DEPLOYMENT, deployment(BAD, strategy=strategy))
    fleet.settle()
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, strategy=strategy))
    fleet.settle()
    assert images(running(fleet)) == [GOOD] * 3


def test_going_back_reuses_the_former_replica_set(fleet: Fleet) -> None:
    for image in (GOOD, NEXT, GOOD):
        fleet.apply(
            kinds.DEPLOYMENT, deployment(image, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 3}})
        )
        fleet.settle()
    sets = fleet.cluster.store.select(kinds.REPLICA_SET, "demo")[0]
    assert sorted(one["spec"]["replicas"] for one in sets) == [0, 3]
    assert fleet.deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


def test_recreate_waits_for_the_last_old_pod(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, strategy={"type": "Recreate"}))
    fleet.settle()
    fleet.apply(kinds.DEPLOYMENT, deployment(NEXT, strategy={"type": "Recreate"}))
    fleet.settle()
    assert images(running(fleet)) == [NEXT] * 3


def test_scaling_down_takes_the_pods_that_serve_least(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=3))
    fleet.settle()
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=6))  # three find no free port
    fleet.settle()
    ready = {name_of(pod) for pod in running(fleet)}
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=3))
    fleet.settle()
    assert {name_of(pod) for pod in fleet.pods()} == ready


def test_a_deleted_pod_is_replaced(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    gone = name_of(fleet.pods()[0])
    fleet.cluster.delete(kinds.POD, "demo", gone)
    fleet.settle()
    assert len(running(fleet)) == 3
    assert gone not in {name_of(pod) for pod in fleet.pods()}


def test_a_deleted_deployment_takes_its_pods_along(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    fleet.cluster.delete(kinds.DEPLOYMENT, "demo", "web")
    fleet.settle()
    assert not fleet.pods()
    assert not fleet.cluster.store.select(kinds.REPLICA_SET, "demo")[0]


def test_an_orphaned_replica_set_lives_on(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    fleet.cluster.delete(kinds.DEPLOYMENT, "demo", "web", {"propagationPolicy": "Orphan"})
    fleet.settle()
    assert len(running(fleet)) == 3


def test_a_deleted_namespace_takes_everything_along(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD))
    fleet.settle()
    fleet.cluster.delete(kinds.NAMESPACE, "", "demo")
    fleet.settle()
    assert fleet.cluster.store.find(kinds.NAMESPACE, "", "demo") is None
    assert not fleet.pods()


def test_every_namespace_has_a_default_service_account(fleet: Fleet) -> None:
    fleet.settle()
    assert fleet.cluster.store.get(kinds.SERVICE_ACCOUNT, "demo", "default")


def test_the_steps_are_told_as_events(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=1))
    fleet.settle()
    events = fleet.cluster.store.select(kinds.EVENT, "demo")[0]
    told = {(event["involvedObject"]["kind"], event["reason"]) for event in events}
    assert told == {("Deployment", "ScalingReplicaSet"), ("ReplicaSet", "SuccessfulCreate"), ("Pod", "Scheduled")}


def test_a_template_has_one_hash_however_it_is_written() -> None:
    template = deployment()["spec"]["template"]
    turned = dict(reversed(list(clone(template).items())))
    assert template_hash(template) == template_hash(turned)
    assert template_hash(template) != template_hash(template | {"metadata": {"labels": {"app": "other"}}})


@pytest.mark.parametrize(
    ("bound", "of", "up", "number"), [("25%", 3, True, 1), ("25%", 3, False, 0), (2, 3, True, 2), ("50%", 4, False, 2)]
)
def test_a_percentage_becomes_pods(bound: int | str, of: int, up: bool, number: int) -> None:
    assert absolute(bound, of, up=up) == number


def test_pods_get_the_pull_secrets_of_their_service_account(fleet: Fleet) -> None:
    fleet.settle()
    account = clone(fleet.cluster.store.get(kinds.SERVICE_ACCOUNT, "demo", "default"))
    account["imagePullSecrets"] = [{"name": "regcred"}]
    fleet.cluster.update(kinds.SERVICE_ACCOUNT, "demo", "default", account)
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=1))
    fleet.settle()
    assert dig(fleet.pods()[0], "spec", "imagePullSecrets") == [{"name": "regcred"}]
