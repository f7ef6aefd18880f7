"""A node is drained before a restart, and returned afterwards, also by the run after one that was killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moor.tasks.maintenance.cordon import ANNOTATION, Cordon
from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.objects import Object, clone, dig
from tests.harness.commands import Done, moor_here, started
from tests.harness.sites import DEFAULTS, GROUPS, HOSTS, Content, write_site
from tests.harness.waiting import until
from tests.kubernetes.acting import acting
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import daemon_set, deployment
from tests.kubernetes.served import Api, api
from tests.kubernetes.test_eviction import budget

__all__ = ["api"]

TASK = """\
from dataclasses import dataclass
from pathlib import Path
from nornir.core.task import Result, Task
from moor.api import HostError, Remote, site_of
from moor.tasks.maintenance.drain import converge_drained, with_cordon
from moor.tasks.maintenance.node import ClusterNode

@dataclass(frozen=True)
class Restarted(Remote):
    id = "service:web"

    def desired(self, actual):
        return {"state": "new"}

    def read(self, task):
        return {"state": "new" if (site_of(task.host).directory / "new").exists() else "old"}

    def write(self, task, actual):
        place = site_of(task.host).directory
        node = ClusterNode.of(task)
        names = sorted(pod["metadata"]["name"][:3] for pod in node.pods())
        (place / "seen").write_text(f"{' '.join(names)} {node.read()['spec'].get('unschedulable')}")
        if (place / "broken").exists():
            raise HostError("it does not come up")
        (place / "new").touch()

def desired(host):
    return with_cordon(host, [Restarted()])

def restart_web(task: Task) -> Result:
    return converge_drained(task, desired)
"""
RUNBOOK = """\
from moor.api import Runbook, Stage
from tasks.web import restart_web

RUNBOOK = Runbook("web", "One service.", (Stage(restart_web),))
"""


class Drained:
    """A cluster of three nodes with two pods of a deployment, and a site that restarts a service on the first."""

    def __init__(self, api: Api, fleet: Fleet) -> None:
        self.api, self.fleet = api, fleet
        self.site = api.directory / "site"
        self.write({"timeout_s": 20})
        api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo"}})
        fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
        logs = daemon_set()
        logs["spec"]["template"]["spec"]["containers"][0].pop("ports")
        fleet.apply(kinds.DAEMON_SET, logs)
        until(lambda: len([pod for pod in fleet.pods() if dig(pod, "status", "phase") == "Running"]) == 2, limit_s=20)
        self.name = fleet.pods()[0]["spec"]["nodeName"]
        self.write({"timeout_s": 20})

    def write(self, drain: object) -> None:
        """Write the site, whose only host is the node with the deployment's first pod."""
        data = {"cluster": {"kubeconfig": str(self.api.kubeconfig)}, "maintenance": {"drain": drain}}
        hosts = {getattr(self, "name", "n1"): {"data": data}}
        own = {"tasks/web.py": TASK, "runbooks/web.py": RUNBOOK}
        write_site(self.site, {**own, "inventory/hosts.yaml": hosts})

    def run(self, *words: str) -> Done:
        return moor_here(self.site, *words)

    @property
    def node(self) -> Object:
        return self.api.store.get(kinds.NODE, "", self.name)

    def state(self) -> tuple[object, bool]:
        """Return whether the node is cordoned, and whether that is moor's."""
        return dig(self.node, "spec", "unschedulable"), ANNOTATION in (self.node["metadata"].get("annotations") or {})

    def seen(self) -> str:
        """Return what the restart saw: the node's pods, and whether it was cordoned."""
        path = self.site / "seen"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def drained(api: Api) -> Iterator[Drained]:
    with acting(api, "n1", "n2", "n3") as fleet:
        yield Drained(api, fleet)


def test_a_node_is_empty_when_its_service_restarts_and_gets_pods_again(drained: Drained) -> None:
    drained.fleet.apply(kinds.DISRUPTION_BUDGET, budget(minAvailable=1))
    done = drained.run("apply", "web", "--yes")
    assert done.returncode == 0, done.said
    assert drained.seen() == "log True"  # the pod of the daemon set stays
    assert drained.state() == (None, False)
    assert drained.name not in {pod["spec"]["nodeName"] for pod in drained.fleet.pods()}
    drained.api.asked.clear()
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert not [path for path in drained.api.asked if "eviction" in path or "pods" in path]  # nothing restarts


def test_a_pod_that_its_budget_keeps_leaves_the_host_as_it_is(drained: Drained) -> None:
    drained.write({"timeout_s": 1})
    drained.fleet.apply(kinds.DISRUPTION_BUDGET, budget(minAvailable=2))
    done = drained.run("apply", "web", "--yes")
    assert done.returncode == 1
    assert f"node {drained.name} is not drained within 1 s: pod demo/web-" in done.said
    assert "is kept: The disruption budget web needs 2 healthy pods and has 2 currently" in done.said
    assert (drained.seen(), drained.state()) == ("", (None, False))


@pytest.mark.parametrize(
    ("spec", "drain", "remedy"),
    [
        ({}, True, "no controller would make it again; allow it by drain: {unmanaged: true}"),
        ({"volumes": [{"name": "cache", "emptyDir": {}}]}, {"unmanaged": True}, "allow it by drain: {empty_dir: true}"),
    ],
)
def test_a_pod_that_loses_something_is_not_evicted(
    drained: Drained, spec: dict[str, Any], drain: object, remedy: str
) -> None:
    drained.write(drain)
    container = {"name": "web", "image": "registry.test/demo/web:1"}
    metadata = {"name": "lone", "labels": {"app": "lone"}}
    lone = {"metadata": metadata, "spec": {"containers": [container], "nodeName": drained.name, **spec}}
    drained.api.cluster.create(kinds.POD, "demo", lone)
    done = drained.run("apply", "web", "--yes")
    assert done.returncode == 1
    assert f"node {drained.name} is not drained: pod demo/lone: " in done.said
    assert remedy in done.said
    assert (drained.seen(), drained.state()) == ("", (None, False))
    assert len(drained.fleet.pods()) == 2
    drained.write({"timeout_s": 20, "unmanaged": True, "empty_dir": True})
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert drained.seen() == "log True"


def test_somebody_elses_cordon_stays(drained: Drained) -> None:
    drained.fleet.cordon(drained.name)
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert drained.seen() == "log True"
    assert drained.state() == (True, False)


def test_a_node_whose_service_does_not_come_up_stays_cordoned_until_a_run_succeeds(drained: Drained) -> None:
    (drained.site / "broken").touch()
    done = drained.run("apply", "web", "--yes")
    assert done.returncode == 1
    assert f"node {drained.name} stays cordoned until moor apply succeeds on it, or kubectl uncordon" in done.said
    assert drained.state() == (True, True)
    (drained.site / "broken").unlink()
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert drained.state() == (None, False)


def test_a_run_that_is_killed_leaves_a_cordon_that_the_next_one_takes_away(drained: Drained) -> None:
    drained.fleet.apply(kinds.DISRUPTION_BUDGET, budget(minAvailable=2))
    with started(drained.site, "apply", "web", "--yes") as process:
        until(lambda: drained.state() == (True, True), "the node is cordoned", limit_s=30)
        other = drained.run("apply", "web", "--yes")
        assert "which works still; wait for it" in other.said
        process.send_signal(signal.SIGKILL)
        process.wait()
    drained.fleet.cluster.delete(kinds.DISRUPTION_BUDGET, "demo", "web")
    (drained.site / "new").touch()  # nothing is left to restart
    planned = drained.run("plan", "web")
    assert planned.returncode == 2
    assert "cordon:node" in planned.stdout
    assert "node: cordoned by run " in planned.stdout
    assert drained.run("drift", "--runbook", "web").returncode == 2
    assert drained.state() == (True, True)
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert drained.state() == (None, False)


def test_a_cordon_of_another_machine_is_over_after_its_time(drained: Drained) -> None:
    node = clone(drained.node)
    for until_then, code in (("2100-01-01T00:00:00Z", 0), ("2026-01-01T00:00:00Z", 2), ("never", 2)):
        node = clone(drained.node)
        annotation = Cordon("20260101-0000", "ann", "elsewhere", 1, "2026-01-01T00:00:00Z", until_then).annotation
        node["metadata"]["annotations"] = {ANNOTATION: annotation}
        drained.api.store.replace(kinds.NODE, node)
        (drained.site / "new").touch()
        assert drained.run("plan", "web").returncode == code
    node = clone(drained.node)
    node["metadata"]["annotations"] = {ANNOTATION: json.dumps({"edited": "by hand"})}
    drained.api.store.replace(kinds.NODE, node)
    assert drained.run("apply", "web", "--yes").returncode == 0
    assert drained.state() == (None, False)


def test_a_drain_without_a_cluster_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    write_site(
        tmp_path,
        {"inventory/hosts.yaml": {"n1": {"data": {"maintenance": {"drain": "yes"}}}}, "inventory/groups.yaml": {}},
    )
    done = moor_here(tmp_path, "plan", "web")
    assert (done.returncode, "n1.data.maintenance.drain" in done.stderr) == (1, True)


@pytest.fixture
def leaving(drained: Drained) -> Drained:
    """Return the cluster with a site from which the node can leave; nothing answers at the node's address."""
    data = {
        "registry": {"name": "registry.corp.example.org", "address": "10.0.0.5"},
        "cluster": {"kubeconfig": str(drained.api.kubeconfig)},
        "pki": {"passphrase": "file:passphrase"},
    }
    hosts = {
        "harbor1": {"hostname": "127.0.0.9", "groups": ["harbor"], "port": 9},
        "cp": {"hostname": "127.0.0.8", "groups": ["control_plane"], "port": 9},
        drained.name: {"hostname": "127.0.0.7", "groups": ["nodes"], "port": 9},
    }
    groups: dict[str, object] = {name: {} for name in ("harbor", "control_plane", "nodes")}
    files: dict[str, Content] = {HOSTS: hosts, GROUPS: groups, DEFAULTS: {"data": data}}
    write_site(drained.site, files, {"passphrase": "correct-horse\n"})
    return drained


def test_a_node_that_leaves_gives_its_pods_away_before_anything_is_changed_on_it(leaving: Drained) -> None:
    words = ("offboard", leaving.name, "--drain", "--keep-robots")
    undrained = leaving.run("offboard", leaving.name, "--yes")
    assert f"{leaving.name} is a node of the cluster still" in undrained.said
    assert "say --drain" in undrained.said

    planned = leaving.run(*words, "--plan", "--quiet")
    assert f"node:{leaving.name}" in planned.stdout
    assert "pods to evict: demo/web-" in planned.stdout
    assert leaving.state() == (None, False)

    done = leaving.run(*words, "--yes")
    assert done.returncode == 1  # it is not reached
    assert "connection refused" in done.said
    assert leaving.api.store.find(kinds.NODE, "", leaving.name) is None
    assert leaving.name not in {pod["spec"]["nodeName"] for pod in leaving.fleet.pods()}
    assert leaving.name in (leaving.site / HOSTS).read_text()

    again = leaving.run(*words, "--yes")  # what is done is not done again
    assert again.returncode == 1
    assert "connection refused" in again.said
    assert "no node of the cluster" not in again.said


def test_a_node_whose_pods_may_not_go_stays_in_the_cluster(leaving: Drained) -> None:
    container = {"name": "web", "image": "registry.test/demo/web:1"}
    lone = {"metadata": {"name": "lone"}, "spec": {"containers": [container], "nodeName": leaving.name}}
    leaving.api.cluster.create(kinds.POD, "demo", lone)
    done = leaving.run("offboard", leaving.name, "--drain", "--yes")
    assert done.returncode == 1
    assert f"node {leaving.name} is not drained: pod demo/lone: no controller would make it again" in done.said
    assert "connection refused" not in done.said
    assert leaving.state() == (None, False)


def test_where_nobody_reaches_a_node_its_pods_are_not_waited_for(leaving: Drained) -> None:
    done = leaving.run("offboard", leaving.name, "--drain", "--gone", "--yes")
    assert done.returncode == 1
    assert f"leave --drain out, and run: kubectl delete node {leaving.name}" in done.stderr


def test_a_run_that_is_not_an_offboard_takes_no_node_out(leaving: Drained) -> None:
    assert leaving.run("apply", "leaving", "--yes").returncode == 0
    assert leaving.state() == (None, False)
