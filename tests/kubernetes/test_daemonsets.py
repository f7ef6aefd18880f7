"""Daemon sets: one pod on each node that fits, and updates a few nodes at a time."""

from __future__ import annotations

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.objects import Object, name_of
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import daemon_set, deployment

GOOD, NEXT, BAD = (f"registry.test/demo/web:{tag}" for tag in ("1", "2", "bad"))
COUNTS = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")


def by_node(fleet: Fleet) -> dict[str, str]:
    return {pod["spec"]["nodeName"]: pod["spec"]["containers"][0]["image"] for pod in fleet.pods("log")}


def status(fleet: Fleet) -> Object:
    found: Object = fleet.cluster.store.get(kinds.DAEMON_SET, "demo", "log")["status"]
    return found


def test_every_node_gets_a_pod_also_one_that_joins_or_is_cordoned(fleet: Fleet) -> None:
    fleet.cordon("n3")
    fleet.apply(kinds.DAEMON_SET, daemon_set(GOOD))
    fleet.settle()
    assert set(by_node(fleet)) == {"n1", "n2", "n3"}
    fleet.add_node("n4")
    fleet.settle()
    assert set(by_node(fleet)) == {"n1", "n2", "n3", "n4"}
    assert [status(fleet)[name] for name in COUNTS] == [4, 4, 4, 4]
    assert "numberUnavailable" not in status(fleet)
    version = fleet.cluster.store.version
    fleet.settle()
    assert fleet.cluster.store.version == version


def test_taints_and_selectors_leave_nodes_out(fleet: Fleet) -> None:
    fleet.add_node("n4", taints=[{"key": "role", "value": "gpu", "effect": "NoSchedule"}])
    template = daemon_set(GOOD)["spec"]["template"]
    template["spec"] |= {"nodeSelector": {"host": "n2"}}
    fleet.apply(kinds.DAEMON_SET, daemon_set(GOOD))
    fleet.settle()
    assert set(by_node(fleet)) == {"n1", "n2", "n3"}
    fleet.apply(kinds.DAEMON_SET, daemon_set(GOOD, template=template))
    fleet.settle()
    assert set(by_node(fleet)) == {"n2"}
    assert status(fleet)["numberMisscheduled"] == 0


@pytest.mark.parametrize(("missing", "left"), [(1, 2), (2, 1)])
def test_a_bad_image_takes_down_no_more_than_allowed(fleet: Fleet, missing: int, left: int) -> None:
    fleet.broken_images.add(BAD)
    strategy = {"rollingUpdate": {"maxUnavailable": missing}}
    fleet.apply(kinds.DAEMON_SET, daemon_set(GOOD, updateStrategy=strategy))
    fleet.settle()
    fleet.apply(kinds.DAEMON_SET, daemon_set(BAD, updateStrategy=strategy))
    fleet.settle()
    assert sorted(by_node(fleet).values()) == [GOOD] * left + [BAD] * missing
    assert (status(fleet)["numberUnavailable"], status(fleet)["updatedNumberScheduled"]) == (missing, missing)
    fleet.apply(kinds.DAEMON_SET, daemon_set(NEXT, updateStrategy=strategy))
    fleet.settle()
    assert set(by_node(fleet).values()) == {NEXT}


def test_a_surge_makes_the_new_pod_first(fleet: Fleet) -> None:
    def surging(image: str) -> Object:
        made = daemon_set(image, updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
        del made["spec"]["template"]["spec"]["containers"][0]["ports"]  # the lab's pods share their node's ports
        return made

    fleet.broken_images.add(BAD)
    fleet.apply(kinds.DAEMON_SET, surging(GOOD))
    fleet.settle()
    fleet.apply(kinds.DAEMON_SET, surging(BAD))
    fleet.settle()
    assert sorted(pod["spec"]["containers"][0]["image"] for pod in fleet.pods("log")) == [GOOD] * 3 + [BAD]
    fleet.apply(kinds.DAEMON_SET, surging(NEXT))
    fleet.settle()
    assert [pod["spec"]["containers"][0]["image"] for pod in fleet.pods("log")] == [NEXT] * 3


def test_a_pod_without_room_waits_for_its_own_node(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(GOOD, replicas=1))
    fleet.settle()
    taken = fleet.pods()[0]["spec"]["nodeName"]
    fleet.apply(kinds.DAEMON_SET, daemon_set(GOOD))
    fleet.settle()
    waiting = [pod for pod in fleet.pods("log") if not pod["spec"].get("nodeName")]
    assert len(waiting) == 1
    assert (status(fleet)["currentNumberScheduled"], status(fleet)["numberReady"]) == (3, 2)
    told = [one for one in fleet.cluster.store.select(kinds.EVENT, "demo")[0] if one["reason"] == "FailedScheduling"]
    assert name_of(waiting[0]) == told[0]["involvedObject"]["name"]
    assert "1 node(s) didn't have free ports for the requested pod ports" in told[0]["message"]
    assert "2 node(s) didn't match Pod's node affinity/selector" in told[0]["message"]
    assert taken not in {pod["spec"].get("nodeName") for pod in fleet.pods("log")}
