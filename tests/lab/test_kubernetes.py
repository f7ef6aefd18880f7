"""Kubernetes' stand-in on real hosts: pods pulled by real containerds of two releases, and what comes in their way."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx2 import HTTPError
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Event, Namespace, Node, Pod, Secret

from moor_lab.images import recipe_of
from moor_lab.lab import Lab
from tests.harness.waiting import after, stays, until
from tests.lab.networked import reboot
from tests.lab.small_image import make_registry

pytestmark = pytest.mark.lab

NAME = "small.moor.test"
BASIC, TOKEN, STRANGE = f"{NAME}:5000", f"{NAME}:5001", "strange.moor.test:5002"
MEMBERS = ("cp1", "node1", "node2", "node3")


class Cluster:
    """The lab's cluster with a small registry on its control plane."""

    def __init__(self, lab: Lab, client: Client) -> None:
        self.lab = lab
        self.client = client

    def serve(self, directory: Path, name: str, mode: str, port: int) -> str:
        """Starts a registry; gives the authority of its certificate."""
        image = self.lab.cache / "images" / recipe_of(self.lab.fleet.hosts["cp1"]).key
        authority = make_registry(image, directory, name)
        script = Path(__file__).with_name("small_registry.py")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(directory, ".")
            archive.add(script, script.name)
        home = f"/opt/small-{port}"
        text = base64.b64encode(packed.getvalue()).decode()
        self.lab.exec("cp1", ["sh", "-c", f"mkdir -p {home} && cd {home} && base64 -d | tar x"], text)
        command = ["python3", f"{home}/{script.name}", home, mode, str(port)]
        self.lab.exec("cp1", ["systemd-run", "--quiet", f"--unit=small-{port}", *command])
        return authority

    def know(self, name: str) -> None:
        """Lets every node find a registry on the control plane by name."""
        line = f"{self.lab.fleet.hosts['cp1'].address} {name}"
        for member in MEMBERS:
            self.lab.exec(member, ["sh", "-c", 'echo "$1" >>/etc/hosts', "sh", line])

    def trust(self, name: str, authority: str) -> None:
        """Adds a CA to a node's system store; containerd is not restarted."""
        place = f"/usr/local/share/ca-certificates/{hashlib.sha256(authority.encode()).hexdigest()[:8]}.crt"
        self.lab.exec(name, ["sh", "-c", f"cat >{place} && update-ca-certificates"], authority)

    def secret(self, name: str, registry: str, valid: bool = True) -> None:
        """A pull secret, with the robot's password or another."""
        auth = base64.b64encode(f"robot:{'right' if valid else 'wrong'}".encode()).decode()
        config = json.dumps({"auths": {registry: {"auth": auth}}})
        kind = "kubernetes.io/dockerconfigjson"
        made = Secret(metadata=ObjectMeta(name=name), type=kind, stringData={".dockerconfigjson": config})
        self.client.apply(made)

    def deploy(self, name: str, image: str, pull_with: str = "basic", port: int = 8080, **spec: Any) -> None:
        """A deployment on node1 (bookworm) and node2 (trixie), a pod each."""
        container = {
            "name": "web",
            "image": image,
            "command": ["/bin/busybox"],
            "args": ["httpd", "-f", "-p", str(port), "-h", "/usr"],
            "ports": [{"containerPort": port}],
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        }
        template = {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "imagePullSecrets": [{"name": pull_with}],
                "terminationGracePeriodSeconds": 1,
                "nodeSelector": {"pulls": "here"},
                "containers": [container | spec],
            },
        }
        full = {
            "metadata": {"name": name},
            "spec": {
                "replicas": 2,
                "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
                "selector": {"matchLabels": {"app": name}},
                "template": template,
            },
        }
        made: Any = Deployment.from_dict(full)
        self.client.apply(made, force=True)

    def pods(self, app: str) -> list[Any]:
        """Return the deployment's pods, those on their way out left out."""
        found: list[Any] = list(self.client.list(Pod, labels={"app": app}))
        return [pod for pod in found if not pod.metadata.deletionTimestamp]

    def ready(self, app: str) -> list[Any]:
        """Return its pods, once two are ready."""
        ready = [pod for pod in self.pods(app) if _statuses(pod) and _statuses(pod)[0].ready]
        return ready if len(ready) == 2 else []

    def waiting(self, app: str) -> dict[str, tuple[str, str]]:
        """Reason and message of its pods by node, once both have a message."""
        found = {}
        for pod in self.pods(app):
            state = _statuses(pod)[0].state.waiting if _statuses(pod) else None
            if state and state.message:
                found[pod.spec.nodeName] = (state.reason, state.message)
        return found if len(found) == 2 else {}

    def remove(self, app: str) -> None:
        """Deletes a deployment and waits for the end of its pods."""
        self.client.delete(Deployment, app)
        until(lambda: not list(self.client.list(Pod, labels={"app": app})))

    def tasks(self, node: str) -> dict[str, str]:
        """Processes of a node's containers."""
        rows = self.lab.exec(node, ["ctr", "-n", "k8s.io", "tasks", "list"]).splitlines()[1:]
        return {row.split()[0]: row.split()[1] for row in rows if "RUNNING" in row}


def _statuses(pod: Any) -> list[Any]:
    return list((pod.status and pod.status.containerStatuses) or [])


@pytest.fixture(scope="module")
def cluster(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a fresh cluster whose nodes trust the small registry."""
    for name in MEMBERS:
        lab.reset(name)
    config = KubeConfig.from_file(lab.directory / "kubeconfig")
    with closing(Client(config=config, field_manager="test", namespace="small")) as client:
        made = Cluster(lab, client)
        until(lambda: _is_up(client), limit_s=30)
        authority = made.serve(tmp_path_factory.mktemp("basic"), NAME, "basic", 5000)
        second = made.serve(tmp_path_factory.mktemp("token"), NAME, "token", 5001)
        made.know(NAME)
        for name in ("node1", "node2"):
            made.trust(name, authority)
            made.trust(name, second)
            lab.exec(name, ["systemctl", "restart", "containerd"])
            client.patch(Node, name, {"metadata": {"labels": {"pulls": "here"}}})
        client.apply(Namespace(metadata=ObjectMeta(name="small")))
        for secret, registry in (("basic", BASIC), ("token", TOKEN), ("strange", STRANGE)):
            made.secret(secret, registry)
            made.secret(f"{secret}-wrong", registry, valid=False)
        yield made


def _is_up(client: Client) -> bool:
    try:
        nodes: list[Any] = list(client.list(Node))
    except (ApiError, HTTPError):
        return False
    return {node.metadata.name for node in nodes} == set(MEMBERS)


@pytest.fixture(scope="module")
def web(cluster: Cluster) -> Cluster:
    """Return the cluster with a deployment that runs."""
    cluster.deploy("web", f"{BASIC}/app/web:1")
    until(lambda: cluster.ready("web"))
    return cluster


def test_every_member_is_a_ready_node(cluster: Cluster) -> None:
    nodes: dict[str, Any] = {str(node.metadata.name): node for node in cluster.client.list(Node) if node.metadata}
    versions = {name: node.status.nodeInfo.containerRuntimeVersion for name, node in nodes.items()}
    assert versions["node1"].startswith("containerd://1.6.")
    assert versions["node2"].startswith("containerd://1.7.")
    assert all("moor-lab-standin" in node.status.nodeInfo.kubeletVersion for node in nodes.values())
    assert nodes["cp1"].spec.taints[0].key == "node-role.kubernetes.io/control-plane"


def test_a_pod_is_pulled_and_runs_on_both_releases(web: Cluster) -> None:
    pods = web.ready("web")
    assert {pod.spec.nodeName for pod in pods} == {"node1", "node2"}
    digests = {_statuses(pod)[0].imageID for pod in pods}
    assert len(digests) == 1
    assert digests.pop().startswith(f"{BASIC}/app/web@sha256:")
    for pod in pods:
        with urllib.request.urlopen(f"http://{pod.status.podIP}:8080/bin/busybox", timeout=5) as answer:
            assert answer.status == 200
        container = _statuses(pod)[0].containerID.removeprefix("containerd://")
        assert container in web.tasks(pod.spec.nodeName)


def test_the_steps_of_a_pod_are_told(web: Cluster) -> None:
    pod = web.ready("web")[0]
    events = web.client.list(Event, fields={"involvedObject.name": pod.metadata.name})
    assert {event.reason for event in events} >= {"Scheduled", "Pulling", "Pulled", "Created", "Started"}


NO_CREDENTIALS = {
    "node1": "pulling from host small.moor.test:5000 failed with status code [manifests 1]: 401 Unauthorized",
    "node2": "pull access denied, repository does not exist or may require authorization: authorization failed: "
    "no basic auth credentials",
}
CASES = {
    "wrong-basic": (
        *(BASIC, "1", "basic-wrong"),
        {
            "node1": "pulling from host small.moor.test:5000 failed with status code [manifests 1]: 401 Unauthorized",
            "node2": "unexpected status from HEAD request to https://small.moor.test:5000/v2/app/web/manifests/1: "
            "401 Unauthorized",
        },
    ),
    "wrong-token": (
        *(TOKEN, "1", "token-wrong"),
        {
            "node1": "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
            "node2": "failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
            "https://small.moor.test:5001/token?scope=repository%3Aapp%2Fweb%3Apull&service=small: 401 Unauthorized",
        },
    ),
    "no-such-secret": (BASIC, "1", "nowhere", NO_CREDENTIALS),
    "secret-of-another": (BASIC, "1", "token", NO_CREDENTIALS),
    "no-such-tag": (*(BASIC, "9", "basic"), dict.fromkeys(("node1", "node2"), f"{BASIC}/app/web:9: not found")),
}


def test_a_failed_pull_says_why_as_a_real_node_does(cluster: Cluster) -> None:
    for port, (case, (registry, tag, secret, _)) in enumerate(CASES.items(), 8093):
        cluster.deploy(case, f"{registry}/app/web:{tag}", secret, port=port)
    for case, (registry, tag, _, causes) in CASES.items():
        image = f"{registry}/app/web:{tag}"
        begin = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": '
        for node, (reason, message) in until(partial(cluster.waiting, case), case).items():
            assert reason in ("ErrImagePull", "ImagePullBackOff")
            assert begin in message
            assert message.endswith(causes[node])
    told = {event.message for event in cluster.client.list(Event, fields={"type": "Warning"})}
    words = "Unable to retrieve some image pull secrets (nowhere); attempting to pull the image may not succeed."
    assert words in told
    for case in CASES:
        cluster.remove(case)


def test_a_mended_secret_mends_the_pod(cluster: Cluster) -> None:
    cluster.secret("late", TOKEN, valid=False)
    cluster.deploy("late", f"{TOKEN}/app/web:1", "late", port=8091)
    until(lambda: cluster.waiting("late"))
    cluster.secret("late", TOKEN)
    until(lambda: cluster.ready("late"))
    cluster.remove("late")


def test_a_new_authority_counts_after_a_restart_of_containerd(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = cluster.serve(tmp_path_factory.mktemp("strange"), "strange.moor.test", "basic", 5002)
    cluster.know("strange.moor.test")
    for name in ("node1", "node2"):
        cluster.trust(name, authority)
    cluster.deploy("strange", f"{STRANGE}/app/web:1", "strange", port=8092)
    for _, message in until(lambda: cluster.waiting("strange")).values():
        assert "x509: certificate signed by unknown authority" in message
    for name in ("node1", "node2"):
        cluster.lab.exec(name, ["systemctl", "restart", "containerd"])
    until(lambda: cluster.ready("strange"))
    cluster.remove("strange")


def test_a_bad_image_leaves_a_pod_running(web: Cluster) -> None:
    web.deploy("web", f"{BASIC}/app/web:9")
    until(lambda: any(_reason(pod) == "ImagePullBackOff" for pod in web.pods("web")))
    assert stays(lambda: len(_running(web)) == 1, 3)
    web.deploy("web", f"{BASIC}/app/web:1")
    until(lambda: web.ready("web"))


def _running(web: Cluster) -> list[Any]:
    return [pod for pod in web.pods("web") if _statuses(pod) and _statuses(pod)[0].ready]


def _reason(pod: Any) -> str:
    state = _statuses(pod)[0].state.waiting if _statuses(pod) else None
    return state.reason if state else ""


@pytest.mark.parametrize("unit", ["moor-lab-kubelet", "containerd"])
def test_a_container_outlives_a_restart_around_it(web: Cluster, unit: str) -> None:
    before = {name: web.tasks(name) for name in ("node1", "node2")}
    for name in before:
        web.lab.exec(name, ["systemctl", "restart", unit])
    assert stays(lambda: {name: web.tasks(name) for name in before} == before, 4)
    assert all(_statuses(pod)[0].restartCount == 0 for pod in until(lambda: web.ready("web")))


def test_a_dead_process_is_replaced(web: Cluster) -> None:
    process = next(iter(web.tasks("node2").values()))
    web.lab.exec("node2", ["kill", "-9", process])

    def restarted() -> bool:
        counts = [_statuses(pod)[0].restartCount for pod in web.ready("web") if pod.spec.nodeName == "node2"]
        return counts == [1]

    until(restarted)
    over = next(_statuses(pod)[0].lastState.terminated for pod in web.ready("web") if pod.spec.nodeName == "node2")
    assert (over.exitCode, over.reason) == (137, "Error")


def test_everything_outlives_a_restart_of_the_control_plane(web: Cluster) -> None:
    before = {pod.metadata.uid for pod in web.ready("web")}
    web.lab.exec("cp1", ["systemctl", "kill", "--signal=KILL", "moor-lab-kubernetes"])
    after(3)  # the API is away for a moment; then the controllers have had time to do something wrong
    assert {pod.metadata.uid for pod in until(lambda: web.ready("web"))} == before


def test_a_rebooted_node_runs_its_pods_again(web: Cluster) -> None:
    reboot(web.lab, "node1")
    until(lambda: web.tasks("node1"))
    until(lambda: web.ready("web"))


def test_a_silent_node_is_unknown_and_comes_back(web: Cluster) -> None:
    web.lab.exec("node2", ["systemctl", "stop", "moor-lab-kubelet"])
    reason = until(lambda: _not_ready(web, "node2"), limit_s=90)
    web.lab.exec("node2", ["systemctl", "start", "moor-lab-kubelet"])
    assert reason == "NodeStatusUnknown"
    until(lambda: not _not_ready(web, "node2"))
    until(lambda: web.ready("web"))


def test_a_node_without_containerd_is_not_ready_and_comes_back(web: Cluster) -> None:
    web.lab.exec("node2", ["systemctl", "stop", "containerd"])
    reason = until(lambda: _not_ready(web, "node2"), limit_s=30)
    web.lab.exec("node2", ["systemctl", "start", "containerd"])
    assert reason == "KubeletNotReady"
    until(lambda: not _not_ready(web, "node2"), limit_s=30)


def _not_ready(cluster: Cluster, name: str) -> str:
    """Return the reason why a node is not ready; empty if it is."""
    node: Any = cluster.client.get(Node, name)
    ready = next(one for one in node.status.conditions if one.type == "Ready")
    return "" if ready.status == "True" else str(ready.reason)


def test_a_deleted_deployment_leaves_nothing_on_its_nodes(web: Cluster) -> None:
    until(lambda: web.ready("web"))
    web.remove("web")
    for name in ("node1", "node2"):
        assert web.tasks(name) == {}
        assert web.lab.exec(name, ["ctr", "-n", "k8s.io", "containers", "list", "-q"]).strip() == ""
        assert web.lab.exec(name, ["ls", "/var/lib/moor-lab-kubelet/pods"]).strip() == ""
