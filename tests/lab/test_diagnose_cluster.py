"""Robots, pull secrets and pods that do not fit are told from one another, in the cluster's own words and Harbor's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Pod
from lightkube.resources.core_v1 import Secret as KubeSecret

from moor.connections.harbor import Harbor
from tasks.layers.pods import DOCKER_CONFIG
from tasks.robots import find_robot
from tests.lab.conftest import Moored
from tests.lab.diagnosing import (
    NAME,
    administrator,
    allow_only_pushing,
    deployment,
    diagnosed,
    disable,
    expire,
    named,
    pull_secret,
    push_for_arm,
    rules_of,
)
from tests.lab.moored import eventually

pytestmark = pytest.mark.lab


@pytest.fixture
def cluster(moored: Moored) -> Iterator[Client]:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as client:
        yield client


@pytest.fixture
def trial(moored: Moored, cluster: Client) -> Iterator[tuple[str, str]]:
    """A namespace of the test's own; gives the puller's user and password."""
    found = cluster.get(KubeSecret, "registry", namespace="demo")
    auths = json.loads(base64.b64decode((found.data or {})[".dockerconfigjson"]))["auths"]
    cluster.apply(Namespace(metadata=ObjectMeta(name="trial")), field_manager="trial")
    yield auths[NAME]["username"], auths[NAME]["password"]
    for made in cluster.list(Deployment, namespace="trial"):
        cluster.delete(Deployment, named(made.metadata), namespace="trial")
    for held in cluster.list(KubeSecret, namespace="trial"):
        cluster.delete(KubeSecret, named(held.metadata), namespace="trial")
    assert eventually(lambda: not list(cluster.list(Pod, namespace="trial")), 60)


@pytest.mark.parametrize(
    ("registry", "user", "word", "kind", "rule"),
    [
        ("harbor.example.net", "{user}", "{password}", DOCKER_CONFIG, "secret-registry"),
        (NAME, "robot+puller", "{password}", DOCKER_CONFIG, "secret-dollar"),
        (NAME, "somebody", "{password}", DOCKER_CONFIG, "secret-user"),
        (NAME, "{user}", "Wr0ngPassword", DOCKER_CONFIG, "secret-password"),
        (NAME, "{user}", "{password}", "Opaque", "secret-type"),
    ],
)
def test_a_pull_secret_that_does_not_fit_is_told_and_never_shown(
    moored: Moored,
    cluster: Client,
    trial: tuple[str, str],
    registry: str,
    user: str,
    word: str,
    kind: str,
    rule: str,
) -> None:
    known = {"user": trial[0], "password": trial[1]}
    word = word.format(**known)
    cluster.apply(pull_secret("registry", registry, user.format(**known), word, kind), field_manager="trial")
    deployment(cluster, "app", "demo/sqrt:1.0", "registry")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "--limit", "node2", "--output", "json")
    assert rule in rules_of(done), done.stdout
    assert word not in done.stdout + done.stderr
    assert base64.b64encode(f"{known['user']}:{word}".encode()).decode() not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("image", "secret", "rule"),
    [
        ("demo/sqrt:1.0", "registry", "secret-elsewhere"),  # it is in the namespace demo
        ("demo/sqrt:1.0", "registri", "secret-missing"),
        ("demo/sqrt:1.0", "", "secret-unnamed"),
        ("demo/sqrt:9.9", "right", "tag-missing"),
        ("demo/nothing:1.0", "right", "image-missing"),
        ("nowhere/sqrt:1.0", "right", "project-missing"),
    ],
)
def test_a_pod_that_waits_is_explained(
    moored: Moored, cluster: Client, trial: tuple[str, str], image: str, secret: str, rule: str
) -> None:
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "app", image, secret)
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
    assert done.returncode == 2
    assert rule in rules_of(done), done.stdout


@pytest.mark.parametrize(
    ("change", "rule"),
    [(disable, "robot-disabled"), (allow_only_pushing, "rights-missing"), (expire, "robot-expired")],
)
def test_a_robot_that_may_not_pull_is_told_and_the_mend_mends_it(
    moored: Moored, change: Callable[[Moored, Harbor, dict[str, Any]], None], rule: str
) -> None:
    harbor = administrator(moored)
    change(moored, harbor, find_robot(harbor, "demo", "puller") or {})
    harbor.close()
    done = moored.moor("diagnose", "--quiet", "--limit", "node2")
    assert done.returncode == 2
    assert "mend: moor apply registry" in done.stdout
    assert diagnosed(moored, "--limit", "node2") == {"node2": [rule]}
    moored.moor.applied("registry")
    assert diagnosed(moored, "--limit", "node2") == {"node2": []}


def test_an_image_for_another_architecture_is_told(moored: Moored, cluster: Client, trial: tuple[str, str]) -> None:
    push_for_arm(moored)
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "app", "demo/sqrt:arm", "right")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
    assert "platform-wrong" in rules_of(done), done.stdout


@pytest.fixture(params=["silent", "ended", "absent"])
def no_cluster(request: pytest.FixtureRequest, moored: Moored, tmp_path: Path) -> Iterator[str]:
    """A kubeconfig by which nothing is learned of the cluster; gives what is said of it."""
    defaults = moored.moor.site / "inventory/defaults.yaml"
    former = defaults.read_text()
    kubeconfig = moored.lab.directory / "kubeconfig"
    other, real = tmp_path / "kubeconfig", kubeconfig.read_text()
    changed = {
        "silent": (re.sub(r"https://[^\"]*", "https://127.0.0.1:9", real), "the cluster's API does not answer"),
        "ended": (re.sub(r'"token": "[^"]*"', '"token": "other"', real), "the cluster says 401: Unauthorized"),
        "absent": ("", "no such file; copy the cluster's own to it"),
    }
    text, words = changed[request.param]
    if text:
        other.write_text(text)
    defaults.write_text(former.replace(str(kubeconfig), str(other)))
    yield words
    defaults.write_text(former)


def test_nodes_are_examined_though_the_cluster_says_nothing(moored: Moored, no_cluster: str) -> None:
    done = moored.moor("diagnose", "--quiet")
    assert done.returncode == 1
    assert no_cluster in done.stdout
    assert done.stdout.count("not examined") == 1, done.stdout
    assert "FAULT" not in done.stdout
    assert [word for word in ("tls", "rights", "manifest") if word not in done.stdout.splitlines()[0]] == []
    planned = moored.moor("plan", "--quiet", "trust")
    assert planned.returncode == 0, planned.stdout


def test_a_deployment_that_nobody_knows_is_an_error(moored: Moored) -> None:
    done = moored.moor("diagnose", "--quiet", "nosuch", "--limit", "node2")
    assert done.returncode == 1
    assert "no workload is called nosuch; no pod of it in namespace demo takes an image" in done.stdout
