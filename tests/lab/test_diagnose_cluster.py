"""Robots, pull secrets and pods that do not fit are told from one another, in the cluster's own words and Harbor's."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Pod
from lightkube.resources.core_v1 import Secret as KubeSecret
from lightkube.types import PatchType

from moor.tasks.registry.logins import DOCKER_CONFIG
from moor.tasks.registry.robots import find_robot
from tests.harness.waiting import eventually
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
    pusher,
    rules_of,
)

pytestmark = pytest.mark.lab


@pytest.fixture
def cluster(moored: Moored) -> Iterator[Client]:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as client:
        yield client


@pytest.fixture
def trial(moored: Moored, cluster: Client) -> Iterator[tuple[str, str]]:
    """Yield a namespace of the test's own; gives the puller's user and password."""
    found = cluster.get(KubeSecret, "registry", namespace="demo")
    auths = json.loads(base64.b64decode((found.data or {})[".dockerconfigjson"]))["auths"]
    cluster.apply(Namespace(metadata=ObjectMeta(name="trial")), field_manager="trial")
    yield auths[NAME]["username"], auths[NAME]["password"]
    for made in cluster.list(Deployment, namespace="trial"):
        cluster.delete(Deployment, named(made.metadata), namespace="trial")
    for held in cluster.list(KubeSecret, namespace="trial"):
        cluster.delete(KubeSecret, named(held.metadata), namespace="trial")
    assert eventually(lambda: not list(cluster.list(Pod, namespace="trial")), 60)


# By the rule that names it: the registry of a pull secret, its user, its password and its type.
UNFIT = {
    "secret-registry": ("harbor.example.net", "{user}", "{password}", DOCKER_CONFIG),
    "secret-dollar": (NAME, "robot+puller", "{password}", DOCKER_CONFIG),
    "secret-user": (NAME, "somebody", "{password}", DOCKER_CONFIG),
    "secret-password": (NAME, "{user}", "Wr0ngPassword", DOCKER_CONFIG),
    "secret-type": (NAME, "{user}", "{password}", "Opaque"),
}


# A user that is wrong stands alone: beside another one, the first of them is told for the registry as a whole.
@pytest.mark.parametrize("rules", [UNFIT.keys() - {"secret-user"}, {"secret-user"}], ids=["four", "user"])
def test_a_pull_secret_that_does_not_fit_is_told_and_never_shown(
    moored: Moored, cluster: Client, trial: tuple[str, str], rules: set[str]
) -> None:
    known = {"user": trial[0], "password": trial[1]}
    for rule in rules:
        registry, user, word, kind = UNFIT[rule]
        secret = pull_secret(rule, registry, user.format(**known), word.format(**known), kind)
        cluster.apply(secret, field_manager="trial")
        deployment(cluster, f"with-{rule}", "demo/sqrt:1.0", rule)
    assert eventually(lambda: len(list(cluster.list(Pod, namespace="trial"))) == len(rules), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "--limit", "node2", "--output", "json")
    assert rules <= {*rules_of(done)}, done.stdout
    for word in (known["password"], "Wr0ngPassword"):
        assert word not in done.said
        assert base64.b64encode(f"{known['user']}:{word}".encode()).decode() not in done.said


# By the rule that names it: the image of a deployment, and its pull secret.
WAITING = {
    "secret-elsewhere": ("demo/sqrt:1.0", "registry"),  # it is in the namespace demo
    "secret-missing": ("demo/sqrt:1.0", "registri"),
    "secret-unnamed": ("demo/sqrt:1.0", ""),
    "tag-missing": ("demo/sqrt:9.9", "right"),
    "image-missing": ("demo/nothing:1.0", "right"),
    "project-missing": ("nowhere/sqrt:1.0", "right"),
}


# Of the manifests that are missing one is told at a time.
@pytest.mark.parametrize("others", [[], ["tag-missing"], ["project-missing"]], ids=["four", "tag", "project"])
def test_pods_that_wait_are_explained(
    moored: Moored, cluster: Client, trial: tuple[str, str], others: list[str]
) -> None:
    rules = {*others} or WAITING.keys() - {"tag-missing", "project-missing"}
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    for rule in rules:
        deployment(cluster, f"for-{rule}", *WAITING[rule])
    assert eventually(lambda: len(list(cluster.list(Pod, namespace="trial"))) == len(rules), 30)
    name = [f"for-{rule}" for rule in others]
    done = moored.moor("diagnose", "--quiet", "-n", "trial", *name, "--limit", "node2", "--output", "json")
    assert done.returncode == 2
    assert rules <= {*rules_of(done)}, done.stdout


def test_a_robot_that_may_not_pull_is_told_and_the_mend_mends_it(moored: Moored) -> None:
    for change, rule in (
        (disable, "robot-disabled"),
        (allow_only_pushing, "rights-missing"),
        (expire, "robot-expired"),
    ):
        harbor = administrator(moored)
        change(moored, harbor, find_robot(harbor, "demo", "puller") or {})
        harbor.close()
        assert diagnosed(moored, "--limit", "node2") == {"node2": [rule]}  # and nothing of the change before
        done = moored.moor("diagnose", "--quiet", "--limit", "node2")
        assert done.returncode == 2
        assert "mend: moor apply registry" in done.stdout
        moored.moor.applied("registry")
    assert diagnosed(moored, "--limit", "node2") == {"node2": []}


def test_an_image_for_another_architecture_is_told(moored: Moored, cluster: Client, trial: tuple[str, str]) -> None:
    pusher(moored).for_arm()
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "app", "demo/sqrt:arm", "right")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
    assert "platform-wrong" in rules_of(done), done.stdout


@pytest.fixture(params=["silent", "ended", "absent"])
def no_cluster(request: pytest.FixtureRequest, moored: Moored, tmp_path: Path) -> Iterator[str]:
    """Yield a kubeconfig by which nothing is learned of the cluster; gives what is said of it."""
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


def test_what_nobody_knows_is_refused_before_a_host_is_reached_with_the_nearest_name(moored: Moored) -> None:
    done = moored.moor("diagnose", "sqtr")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [line for line in done.stderr.splitlines() if "sqtr" in line]
    assert "nothing is called sqtr, in the inventory or in namespace demo; did you mean sqrt?" in line
    assert "node2" not in done.stderr


def test_a_set_that_the_inventory_does_not_know_is_found_by_its_own_name(
    moored: Moored, cluster: Client, trial: tuple[str, str]
) -> None:
    deployment(cluster, "my-front-end", "demo/sqrt:9.9", "")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    done = moored.moor("diagnose", "--quiet", "-n", "trial", "my-front-end", "--limit", "node2", "--output", "json")
    assert "secret-unnamed" in rules_of(done), done.stdout


def test_an_image_that_is_pinned_by_its_digest_is_looked_at(
    moored: Moored, cluster: Client, trial: tuple[str, str]
) -> None:
    harbor = administrator(moored)
    digest, _ = harbor.manifest("demo/sqrt", "1.0") or ("", {})
    harbor.close()
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    deployment(cluster, "pinned", f"demo/sqrt@{digest}", "right")
    assert eventually(lambda: bool(list(cluster.list(Pod, namespace="trial"))), 30)
    report = json.loads(moored.moor("diagnose", "-n", "trial", "pinned", "--limit", "node2", "--output", "json").stdout)
    proofs = {one["id"]: one["status"] for one in report["hosts"]["node2"]["resources"]}
    assert (proofs["proof:rights"], proofs["proof:manifest"]) == ("ok", "ok"), report


def test_several_faults_of_one_node_are_all_told(moored: Moored, cluster: Client, trial: tuple[str, str]) -> None:
    cluster.apply(pull_secret("right", NAME, *trial), field_manager="trial")
    cluster.apply(pull_secret("other", "harbor.example.net", *trial), field_manager="trial")
    deployment(cluster, "one", "demo/sqrt:9.9", "right")
    deployment(cluster, "two", "demo/nothing:1.0", "right")
    deployment(cluster, "three", "demo/sqrt:1.0", "other")
    assert eventually(lambda: len(list(cluster.list(Pod, namespace="trial"))) >= 3, 30)

    def told() -> set[str]:
        return set(rules_of(moored.moor("diagnose", "--quiet", "-n", "trial", "--limit", "node2", "--output", "json")))

    assert eventually(lambda: {"tag-missing", "image-missing", "secret-registry"} <= told(), 60), told()


def test_an_image_that_the_node_has_by_anothers_login_is_told_with_whose(
    moored: Moored, cluster: Client, trial: tuple[str, str]
) -> None:
    deployment(cluster, "app", "demo/sqrt:1.0", "")

    def causes() -> dict[str, str]:
        done = moored.moor("diagnose", "--quiet", "-n", "trial", "app", "--limit", "node2", "--output", "json")
        if "nothing is called app" in done.stderr:  # its first pod is still to be made
            return {}
        resources = json.loads(done.stdout)["hosts"]["node2"]["resources"]
        return {cause["rule"]: cause["cause"] for one in resources for cause in one["causes"]}

    assert eventually(lambda: "pod-unproven" in causes(), 60), causes()
    assert "the pull secret demo/registry" in causes()["pod-unproven"]
    never = {"op": "add", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Never"}
    cluster.patch(Deployment, "app", [never], namespace="trial", patch_type=PatchType.JSON)
    assert eventually(lambda: "pod-never-unproven" in causes(), 60), causes()
