"""The scheduler: which node a pod gets, and the reasons if it gets none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.controllers.loop import Controllers
from moor_lab.kubernetes.standin.controllers.nodes import GRACE_S
from moor_lab.kubernetes.standin.controllers.scheduler import quantity
from moor_lab.kubernetes.standin.objects import Object, condition, dig, is_true, name_of
from moor_lab.kubernetes.standin.placement import tolerates
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import deployment

TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}


def places(fleet: Fleet) -> list[str]:
    return sorted(pod["spec"].get("nodeName", "") for pod in fleet.pods())


def with_pod(replicas: int = 1, ports: bool = False, **spec: Any) -> Object:
    made = deployment(replicas=replicas)
    made["spec"]["template"]["spec"] |= spec
    if not ports:
        del made["spec"]["template"]["spec"]["containers"][0]["ports"]
    return made


def test_pods_spread_evenly(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(6))
    fleet.settle()
    assert Counter(places(fleet)) == {"n1": 2, "n2": 2, "n3": 2}


def test_the_control_plane_takes_no_pods(fleet: Fleet) -> None:
    fleet.add_node("cp1", taints=[TAINT])
    fleet.apply(kinds.DEPLOYMENT, with_pod(8))
    fleet.settle()
    assert "cp1" not in places(fleet)


def test_a_tolerated_taint_is_no_obstacle(fleet: Fleet) -> None:
    fleet.add_node("cp1", taints=[TAINT])
    fleet.apply(kinds.DEPLOYMENT, with_pod(4, tolerations=[{"operator": "Exists"}]))
    fleet.settle()
    assert "cp1" in places(fleet)


def test_a_node_selector_is_followed(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(2, nodeSelector={"host": "n2"}))
    fleet.settle()
    assert places(fleet) == ["n2", "n2"]


def test_a_port_is_taken_once_a_node(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(4, ports=True))
    fleet.settle()
    assert places(fleet) == ["", "n1", "n2", "n3"]


def test_what_fits_nowhere_says_why_as_kubernetes_does(fleet: Fleet) -> None:
    fleet.add_node("cp1", taints=[TAINT])
    fleet.apply(kinds.DEPLOYMENT, with_pod(4, ports=True))
    fleet.settle()
    waiting = next(pod for pod in fleet.pods() if not pod["spec"].get("nodeName"))
    said = condition(waiting, "PodScheduled") or {}
    assert (said["status"], said["reason"]) == ("False", "Unschedulable")
    assert said["message"] == (
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
        "3 node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, "
        "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
    )


def test_a_pod_waits_for_cpu(fleet: Fleet) -> None:
    containers = [{"name": "web", "image": "i:1", "resources": {"requests": {"cpu": "1500m"}}}]
    fleet.apply(kinds.DEPLOYMENT, with_pod(4, ports=True, containers=containers))
    fleet.settle()
    assert places(fleet) == ["", "n1", "n2", "n3"]


def test_a_waiting_pod_is_placed_when_a_node_joins(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(4, ports=True))
    fleet.settle()
    fleet.add_node("n4")
    fleet.settle()
    assert places(fleet) == ["n1", "n2", "n3", "n4"]


def test_a_silent_node_is_unknown_and_gets_no_pods(fleet: Fleet) -> None:
    fleet.clock.turn(GRACE_S + 1)
    for name in ("n1", "n2"):
        fleet.beat(name)
    fleet.apply(kinds.DEPLOYMENT, with_pod(4))
    fleet.settle()
    ready = condition(fleet.cluster.store.get(kinds.NODE, "", "n3"), "Ready") or {}
    expected = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    assert (ready["status"], ready["reason"], ready["message"]) == expected
    assert places(fleet) == ["n1", "n1", "n2", "n2"]


def test_pods_of_a_silent_node_still_show_running_but_not_ready(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(3))
    fleet.settle()
    fleet.clock.turn(GRACE_S + 1)
    for name in ("n1", "n2"):
        fleet.beat(name)
    for _ in range(5):
        Controllers(fleet.cluster).once()
    lost = next(pod for pod in fleet.pods() if pod["spec"]["nodeName"] == "n3")
    assert dig(lost, "status", "phase") == "Running"
    assert not is_true(lost, "Ready")
    assert fleet.deployment()["status"]["availableReplicas"] == 2


def test_pods_of_a_lost_node_are_given_up_after_five_minutes(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(3))
    fleet.settle()
    for seconds in (GRACE_S + 1, 301):
        fleet.clock.turn(seconds)
        for name in ("n1", "n2"):
            fleet.beat(name)
        fleet.settle()
    assert set(places(fleet)) == {"n1", "n2"}
    assert len(places(fleet)) == 3


def test_a_node_that_reports_again_takes_pods_again(fleet: Fleet) -> None:
    fleet.clock.turn(GRACE_S + 1)
    fleet.settle()
    for name in ("n1", "n2", "n3"):
        fleet.beat(name)
    fleet.settle()
    assert not dig(fleet.cluster.store.get(kinds.NODE, "", "n3"), "spec", "taints")


def test_pods_of_a_removed_node_move(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, with_pod(3))
    fleet.settle()
    fleet.cluster.delete(kinds.NODE, "", "n3")
    fleet.settle()
    assert set(places(fleet)) == {"n1", "n2"}
    assert len({name_of(pod) for pod in fleet.pods()}) == 3


@pytest.mark.parametrize(("text", "number"), [("100m", 0.1), ("64Mi", 2**26), ("2", 2.0), ("1G", 1e9), ("1Ki", 1024)])
def test_quantities_are_numbers(text: str, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("toleration", "answer"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "dedicated", "value": "gpu"}, True),
        ({"key": "dedicated", "value": "cpu"}, False),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_a_toleration_fits_its_taint(toleration: Object, answer: bool) -> None:
    assert tolerates([toleration], {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}) is answer
