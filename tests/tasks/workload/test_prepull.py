"""Images that nodes pull before a roll-out: the pods that pull, how many at once, and what they leave.

The cluster is the stand-in, served over TLS. What a kubelet would do with the pods is told to its API by the tests.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.processor import Processors
from nornir.core.task import Result, Task

from moor.connections.apis.harbor import HarborPlugin
from moor.connections.apis.kubernetes import KubernetesPlugin
from moor.engine.converge import converge
from moor.engine.observation import begin_observation
from moor.pki.authority import CertificateNames, issue, make_authority
from moor.sites.site import open_site
from moor.tasks.workload.prepull.pods import chosen_nodes, outcome_of, pull_pod, wanted_of
from moor.tasks.workload.prepull.resource import PrePull
from moor.tasks.workload.prepull.settings import PrePullSettings
from moor.tasks.workload.prepull_early import prepull_images
from tests.harness.hosts import replaced_plugin
from tests.harness.servers import Handler, serving, tls
from tests.kubernetes.samples import deployment
from tests.kubernetes.served import Api
from tests.pki.handshakes import written
from tests.tasks.clusters import ClusterRun
from tests.tasks.workload.shops import DEPLOYMENT, Shop, controllers

NODES = ("node1", "node2", "node3", "node4")
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
IMAGE = "registry.test/demo/web:2"
OURS = "moor-pre-pull-"
PODS = "/api/v1/namespaces/demo/pods"


def ended(image: str = "image-0") -> dict[str, Any]:
    """Return the status of a container whose image is there, and whose command is not."""
    over = {"exitCode": 128, "reason": "StartError", "message": "no such file"}
    return {"name": image, "image": IMAGE, "imageID": f"{IMAGE}@sha256:1", "state": {"terminated": over}}


def failing(reason: str) -> dict[str, Any]:
    return {"name": "image-0", "image": IMAGE, "imageID": "", "state": {"waiting": {"reason": reason, "message": "no"}}}


@dataclass
class Kubelets:
    """What pulls: each pod's image is there after some looks, unless its node is told to fail.

    Attributes:
        seen: every pod that there was, by its node
        most: how many there were at once
    """

    api: Api
    fails: dict[str, str] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    most: int = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._work, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _work(self, over: threading.Event) -> None:
        with self.api.http() as http:
            while not over.wait(0.1):
                pods = [one for one in http.get(PODS).json()["items"] if one["metadata"]["name"].startswith(OURS)]
                self.most = max(self.most, len(pods))
                for pod in pods:
                    node = pod["spec"]["nodeName"]
                    first = node not in self.seen
                    self.seen[node] = pod
                    if not first or node in self.fails:
                        self._tell(http, pod, failing(self.fails[node]) if node in self.fails else ended())

    def _tell(self, http: Any, pod: dict[str, Any], status: dict[str, Any]) -> None:
        http.patch(
            f"{PODS}/{pod['metadata']['name']}/status",
            json={"status": {"containerStatuses": [status]}},
            headers={"Content-Type": "application/merge-patch+json"},
        )


@pytest.fixture
def kubelets(api: Api) -> Kubelets:
    with api.http() as http:
        http.post("/api/v1/namespaces", json={"metadata": {"name": "demo"}}).raise_for_status()
        http.post(f"{PODS.rpartition('/')[0]}/serviceaccounts", json={"metadata": {"name": "default"}})
        for name in NODES:
            labels = {"kubernetes.io/hostname": name, "pool": "web" if name != "node4" else "db"}
            node = {"metadata": {"name": name, "labels": labels}, "status": READY}
            http.post("/api/v1/nodes", json=node).raise_for_status()
            http.patch(
                f"/api/v1/nodes/{name}/status",
                json={"status": READY},
                headers={"Content-Type": "application/merge-patch+json"},
            ).raise_for_status()
    return Kubelets(api)


@dataclass
class Registry:
    """A registry that answers, after ``slow_s``."""

    slow_s: float = 0
    asked: int = 0


NAME = "registry.corp.test"


@contextmanager
def answering(folder: Path, registry: Registry) -> Iterator[HarborPlugin]:
    """Serve the registry, and yield a connection to it."""
    folder.mkdir(exist_ok=True)
    now, names = datetime.now(UTC), CertificateNames((NAME,))
    ca = make_authority(names, 9, now)
    files = written(folder, ca.certificate, issue(ca, names, 9, now))

    class Answers(Handler):
        def do_GET(self) -> None:
            registry.asked += 1
            threading.Event().wait(registry.slow_s)
            self.reply(401)

    with serving(Answers, tls(files.certificate, files.key)) as port:
        harbor = HarborPlugin()
        extras = {"name": NAME, "trust": ssl.create_default_context(cafile=str(files.ca))}
        harbor.open("127.0.0.1", None, None, port, None, extras, Config())
        yield harbor
        harbor.close()


def apply(api: Api, tmp_path: Path, registry: Registry, *, plan: bool = False, **settings: Any) -> ClusterRun:
    """Plan or apply the pulls before a roll-out of IMAGE."""
    resource = PrePull("web", "demo", PrePullSettings(**settings), (deployment(IMAGE),))
    with answering(tmp_path / "pki", registry) as harbor:
        kubernetes = KubernetesPlugin()
        kubernetes.open("cp1", None, None, None, None, {"kubeconfig": str(api.kubeconfig)}, Config())
        host = Host("cp1")
        host.connections |= {"kubernetes": kubernetes, "harbor": harbor}
        begin_observation(host)

        def work(task: Task, **_: Any) -> Result:
            return converge(task, [resource])

        nr = Nornir(Inventory(Hosts({"cp1": host}), Groups(), Defaults()))
        task = Task(work, nr, global_dry_run=plan, processors=Processors(), name="deploy")
        try:
            return ClusterRun(task.start(host))
        finally:
            kubernetes.close()


def pods(api: Api) -> list[str]:
    with api.http() as http:
        return [pod["metadata"]["name"] for pod in http.get(PODS).json()["items"]]


def test_the_chosen_nodes_pull_so_many_at_once_and_nothing_is_left(
    api: Api, kubelets: Kubelets, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"labels": {"pool": "web"}, "at_once": 2}
    planned = apply(api, tmp_path, Registry(), plan=True, **settings)
    assert (
        "images: registry.test/demo/web:2 on 3 nodes, 2 at once -> pulled before the roll-out"
        in (planned.diff["pre-pull:demo/web"])
    )
    assert pods(api) == []
    registry = Registry()
    with kubelets.working():
        done = apply(api, tmp_path, registry, **settings)
    assert done.error == ""
    assert set(kubelets.seen) == {"node1", "node2", "node3"}
    assert kubelets.most == 2
    assert registry.asked == 3  # before each node begins
    assert pods(api) == []


def test_nothing_is_pulled_for_what_runs_already(api: Api, kubelets: Kubelets, tmp_path: Path) -> None:
    with api.http() as http:
        made = http.post("/apis/apps/v1/namespaces/demo/deployments", json=deployment(IMAGE))
        made.raise_for_status()
    assert apply(api, tmp_path, Registry(), plan=True).planned == []


def test_a_node_that_cannot_pull_stops_the_roll_out_with_kubelets_words(
    api: Api, kubelets: Kubelets, tmp_path: Path
) -> None:
    kubelets.fails = {"node2": "InvalidImageName"}
    with kubelets.working():
        done = apply(api, tmp_path, Registry(), nodes=["node1", "node2"])
    assert "node2: InvalidImageName: no" in done.error
    assert "nothing was rolled out" in done.error
    assert set(kubelets.seen) == {"node1", "node2"}
    assert pods(api) == []


def test_pods_of_a_run_that_was_killed_are_removed_by_the_next(api: Api, kubelets: Kubelets, tmp_path: Path) -> None:
    left = pull_pod("web", "demo", "node3", wanted_of({"containers": [{"image": "registry.test/demo/web:1"}]}), 60)
    with api.http() as http:
        http.post(PODS, json=left).raise_for_status()
    with kubelets.working():
        assert apply(api, tmp_path, Registry(), nodes=["node1"]).error == ""
    assert pods(api) == []


def test_no_node_begins_while_the_registry_is_slow(api: Api, kubelets: Kubelets, tmp_path: Path) -> None:
    registry = Registry(slow_s=0.3)
    with kubelets.working():
        done = apply(api, tmp_path, registry, nodes=["node1"], calm_s=0.01, wait_s=2)
    assert "node1: not pulled within 2 s; the registry took longer than 0.01 s to answer" in done.error
    assert kubelets.seen == {}


def test_nodes_that_nobody_has_are_told_before_anything_is_pulled(api: Api, kubelets: Kubelets, tmp_path: Path) -> None:
    done = apply(api, tmp_path, Registry(), plan=True, nodes=["node9"])
    assert "no node to pull on: the cluster has no node node9; correct data.workloads.web.prepull" in done.error


NODE = {"metadata": {"name": "a", "labels": {"x": "1"}}, "status": READY}


@pytest.mark.parametrize(
    ("names", "labels", "wanted"),
    [((), {}, ["a"]), (("a",), {}, ["a"]), (("b",), {}, []), ((), {"x": "1"}, ["a"]), ((), {"x": "2"}, [])],
)
def test_nodes_are_chosen_by_name_and_label(names: tuple[str, ...], labels: dict[str, str], wanted: list[str]) -> None:
    assert chosen_nodes([NODE], names, labels)[0] == wanted


def test_a_node_that_is_not_ready_is_left_out_and_told() -> None:
    assert chosen_nodes([{**NODE, "status": {}}], (), {}) == ([], ["node a is not ready"])


def pod_with(status: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "image-0"}]}, "status": {"containerStatuses": [status]}}


@pytest.mark.parametrize(
    ("state", "pulled"),
    [
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, False),
        ({"state": {"waiting": {"reason": "ErrImagePull", "message": "x"}}}, False),
        ({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "root"}}}, True),
        ({"state": {"waiting": {"reason": "RunContainerError"}}}, True),
        ({"state": {"terminated": {"reason": "StartError", "exitCode": 128}}, "imageID": "x@sha256:1"}, True),
        ({"state": {"terminated": {"reason": "ContainerStatusUnknown", "exitCode": 137}}, "imageID": ""}, False),
        ({"state": {"running": {}}}, True),
    ],
)
def test_an_image_is_pulled_once_its_container_could_be_made(state: dict[str, Any], pulled: bool) -> None:
    assert outcome_of(pod_with({"name": "image-0", **state}))[0] is pulled


def test_a_pod_that_kubelet_refused_is_no_pull() -> None:
    refused = {"spec": {"containers": [{"name": "image-0"}]}, "status": {"phase": "Failed", "reason": "OutOfpods"}}
    assert outcome_of(refused) == (False, "OutOfpods: kubelet did not take the pod")


def test_an_apply_pulls_before_it_rolls_out_and_the_command_pulls_alone(shop: Shop, tmp_path: Path) -> None:
    api = shop.api
    settings = {"manifests": ["apps"], "wait_s": 20, "prepull": {"nodes": ["n1", "n2"], "wait_s": 20}}
    kubelets, registry = Kubelets(api), answering(tmp_path / "pki", Registry())
    with controllers(api), kubelets.working(), registry as harbor, replaced_plugin("harbor", kept(harbor)):
        shop.write(settings, web_yaml=DEPLOYMENT)
        first = shop.run()
        assert first.error == ""
        order = list(first.status)
        assert order.index("pre-pull:demo/web") < order.index("deployment:demo/web")
        assert first.status["pre-pull:demo/web"] == "changed"
        assert set(kubelets.seen) == {"n1", "n2"}
        assert shop.run(plan=True).planned == []

        shop.write(settings, web_yaml=DEPLOYMENT.replace("web:1", "web:2"))
        nr = open_site(shop.folder)
        early = ClusterRun(nr.run(task=prepull_images)["shop"])
        nr.close_connections(on_failed=True)
        assert (early.error, early.status) == ("", {"pre-pull:demo/web": "changed"})
        assert shop.run(plan=True).planned == ["pre-pull:demo/web", "deployment:demo/web", "rollout:demo/web"]
        assert shop.run(plan=True, examining=True).planned == ["deployment:demo/web", "rollout:demo/web"]
    assert not [name for name in pods(api) if name.startswith("moor-pre-pull")]


def kept(connection: HarborPlugin) -> type[HarborPlugin]:
    """Return a plugin whose connection is always the same."""

    class Kept(HarborPlugin):
        def open(self, *words: Any, **named: Any) -> None:
            self.connection = connection.connection

        def close(self) -> None:
            """Leave it open for the next run."""

    return Kept
