"""``moor images`` and ``moor drift`` on a cluster whose images are well, gone, moved, or out of reach."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moor_lab.harbor.loopback import OnLoopback
from moor_lab.image_registry import ImageRegistry
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import replaced_plugin
from tests.harness.registries import public_registries
from tests.harness.sites import Content, write_site
from tests.kubernetes.served import Api
from tests.tasks.images_in_use.cluster_content import Filling, docker_config, pull_secret

OWN, ADDRESS = "registry.corp.test", "192.0.2.5"  # the address is in the inventory alone
ROBOT = ("puller", "own-passw0rd")
DRIFT_BOOK = """
from moor.api import Runbook, Stage, members
from moor.tasks.images_in_use.examine import examine_images

RUNBOOK = Runbook("used", "Images.", (Stage(examine_images, on=members("control_plane"), by_api=True),), looks=True)
"""


@dataclass
class Fleet:
    """A site, its cluster, its own registry, and one of others."""

    folder: Path
    api: Api
    content: Filling
    own: ImageRegistry
    quay: ImageRegistry

    def write(self, **data: Any) -> None:
        """Write the inventory, with these sections beside those of registry and cluster."""
        known = {
            "registry": {"name": OWN, "address": ADDRESS, "port": self.own.port, "api": "distribution"},
            "pki": {"ca": "ca.crt"},
            "cluster": {"kubeconfig": "kubeconfig"},
        }
        files: dict[str, Content] = {
            "inventory/hosts.yaml": {"cp1": {"hostname": "192.0.2.20", "groups": ["control_plane", "nodes"]}},
            "inventory/groups.yaml": {"control_plane": {}, "nodes": {}},
            "inventory/defaults.yaml": {"data": {**known, **data}},
            "runbooks/used.py": DRIFT_BOOK,
        }
        write_site(self.folder, files)

    def __call__(self, *words: str, code: int) -> Done:
        done = moor_here(self.folder, *words)
        assert done.returncode == code, done.said
        return done

    def rows(self, code: int, *words: str) -> dict[str, dict[str, Any]]:
        """Return the images of a check by name, without the registries' ports."""
        report = self("images", "--output", "json", *words, code=code).report
        return {self.bare(row["name"]): row for row in report["images"]}

    def bare(self, text: str) -> str:
        """Return a text without the ports of the registries, which differ from run to run."""
        return text.replace(f":{self.own.port}", "").replace(f":{self.quay.port}", "")

    def faults(self, code: int, *words: str) -> dict[str, list[str]]:
        """Return the kinds of faults by image, of images that have some."""
        return {
            name: [one["kind"] for one in row["faults"]]
            for name, row in self.rows(code, *words).items()
            if row["faults"]
        }


@pytest.fixture
def fleet(tmp_path: Path, api: Api) -> Iterator[Fleet]:
    own = ImageRegistry(OWN, "token", passwords=dict([ROBOT]), private={"shop/web": {"puller"}, "shop/job": {"puller"}})
    quay = ImageRegistry("quay.test", "token", passwords={"paid": "quay-passw0rd"})
    with ExitStack() as stack:
        authority = stack.enter_context(public_registries(tmp_path, own, quay))
        stack.enter_context(replaced_plugin("harbor", OnLoopback))
        made = Fleet(tmp_path / "site", api, Filling(api.cluster), own, quay)
        made.write()
        shutil.copy(authority, made.folder / "ca.crt")
        shutil.copy(api.kubeconfig, made.folder / "kubeconfig")
        for name in ("node1", "node2"):
            made.content.node(name)
        made.content.secret("shop", "registry", own_login(made))
        yield made


def own_login(fleet: Fleet, password: str = ROBOT[1]) -> dict[str, Any]:
    return pull_secret(fleet.own.host, ROBOT[0], password)


def test_images_that_are_there_have_no_fault_and_are_asked_about_once(fleet: Fleet) -> None:
    web, tool = fleet.own.put("shop/web", "1"), fleet.quay.put("org/tool", "2")
    for number in range(6):
        where: dict[str, Any] = {"node": f"node{number % 2 + 1}", "owner": ("ReplicaSet", "web-5f6d")}
        fleet.content.pod(f"web-{number}", f"{fleet.own.host}/shop/web:1", web, secrets=("registry",), **where)
    fleet.content.pod("tool", f"{fleet.quay.host}/org/tool:2", tool)
    rows = fleet.rows(0)
    row = rows[f"{OWN}/shop/web:1"]
    assert (row["state"], row["route"], row["digest"], row["faults"]) == ("there", "own", web, [])
    assert (row["users"], row["pods"], row["nodes"]) == (["Deployment shop/web"], 6, ["node1", "node2"])
    assert rows["quay.test/org/tool:2"]["route"] == "direct"
    assert [one.method for one in fleet.own.asked] == ["GET", "GET", "HEAD"]  # how to log in, the token, the image
    assert {one.user for one in fleet.quay.asked} == {""}
    assert "all well" in fleet("images", code=0).stdout


def test_an_image_that_is_gone_is_named_with_who_runs_it_from_a_cache(fleet: Fleet) -> None:
    web, job = fleet.own.put("shop/web", "1"), fleet.own.put("shop/job", "1")
    fleet.content.pod(
        "web-1", f"{fleet.own.host}/shop/web:1", web, secrets=("registry",), owner=("ReplicaSet", "web-5f6d")
    )
    fleet.content.pod("job-1", f"{fleet.own.host}/shop/job@{job}", job, secrets=("registry",))
    assert fleet.faults(0) == {}
    fleet.own.remove("shop/web")
    fleet.own.remove("shop/job")
    rows = fleet.rows(2)
    assert rows[f"{OWN}/shop/web:1"]["only_cached"]
    (fault,) = rows[f"{OWN}/shop/web:1"]["faults"]
    assert "1 pod of Deployment shop/web in shop runs only because node1 still has it cached" in fault["what"]
    (by_digest,) = rows[f"{OWN}/shop/job@{job}"]["faults"]
    assert "named by digest, and" in by_digest["what"]
    metrics = fleet("drift", "--runbook", "used", "--output", "metrics", code=2).stdout
    assert 'kind="image-missing"' in metrics
    assert f'moor_image_pods_cached{{registry="{fleet.own.host}"}} 2.0' in metrics
    fleet.own.put("shop/web", "1")
    fleet.own.put("shop/job", "1")
    report = fleet("drift", "--runbook", "used", "--output", "json", code=0).report
    assert [row["state"] for row in report["images"]] == ["there", "there"]


def test_a_namespace_whose_secrets_do_not_let_it_pull_is_named_with_why(fleet: Fleet) -> None:
    web = fleet.own.put("shop/web", "1")
    image = f"{fleet.own.host}/shop/web:1"
    for namespace, content in {
        "bare": None,
        "other": pull_secret("ghcr.io", "me", "x"),
        "stale": own_login(fleet, "stale-passw0rd"),
        "broken": docker_config([1]),
    }.items():
        if content:
            fleet.content.secret(namespace, "registry", content)
        named = ("registry",) if content else ()
        fleet.content.pod("web", image, web, namespace=namespace, secrets=named)
    fleet.content.pod("web", image, "", namespace="lost", secrets=("gone",))
    fleet.content.pod("web", image, web, secrets=("registry",))
    (fault,) = fleet.rows(2)[f"{OWN}/shop/web:1"]["faults"]
    assert fault["kind"] == "denied"
    for words in (
        "bare (Pod bare/web): it has no pull secret, and the registry wants a login",
        f"other (Pod other/web): its pull secret registry has no login for {fleet.own.host}",
        "stale (Pod stale/web): the registry refuses puller, the login of its pull secret",
        "broken (Pod broken/web): kubelet cannot read its pull secret: it holds no JSON object",
        "lost (Pod lost/web): its pull secret gone does not exist",
    ):
        assert words in fault["what"]
    assert "shop" not in fault["what"].replace("shop/", "")
    said = fleet("images", code=2).said
    assert "stale-passw0rd" not in said
    assert ROBOT[1] not in said
    tokens = [one for one in fleet.own.asked if one.target.startswith("/token")]
    assert len(tokens) == 2 * 3  # in each check: without a login, with the right one, with the stale one


def test_a_tag_that_moved_is_found_and_an_image_of_the_index_is_the_same(fleet: Fleet) -> None:
    old = fleet.quay.put("org/tool", "2", content="old")
    fleet.content.pod("tool-1", f"{fleet.quay.host}/org/tool:2", old, owner=("ReplicaSet", "tool-5f6d"))
    new = fleet.quay.put("org/tool", "2", content="new")
    fleet.content.pod("tool-2", f"{fleet.quay.host}/org/tool:2", new, owner=("ReplicaSet", "tool-5f6d"))
    fleet.quay.put("org/index", "1", machines=("amd64", "arm64"))
    child = fleet.quay.put("org/index", "amd64", content="org/index")
    fleet.content.pod("index", f"{fleet.quay.host}/org/index:1", child)
    rows = fleet.rows(2)
    (fault,) = rows["quay.test/org/tool:2"]["faults"]
    assert f"1 of 2 running containers is {old[:19]}, now it is {new[:19]}" in fault["what"]
    assert "kubectl --namespace shop rollout restart deployment/tool" in fault["remedy"]
    assert rows["quay.test/org/index:1"]["faults"] == []


def test_an_image_that_some_nodes_cannot_run_is_found(fleet: Fleet) -> None:
    fleet.content.node("arm1", "arm64")
    one, both = fleet.quay.put("org/one", "1"), fleet.quay.put("org/both", "1", machines=("amd64", "arm64"))
    fleet.content.pod("one", f"{fleet.quay.host}/org/one:1", one)
    fleet.content.pod("both", f"{fleet.quay.host}/org/both:1", both)
    fleet.quay.put("org/pinned", "1")
    fleet.content.deployment("pinned", f"{fleet.quay.host}/org/pinned:1", nodeSelector={"kubernetes.io/arch": "amd64"})
    assert fleet.faults(2) == {"quay.test/org/one:1": ["platform"]}
    (fault,) = fleet.rows(2)["quay.test/org/one:1"]["faults"]
    assert "not for linux/arm64, which arm1 needs; it is for amd64" in fault["what"]


def test_a_registry_that_does_not_answer_is_not_examined_and_its_findings_stay_open(fleet: Fleet) -> None:
    fleet.content.pod("tool", f"{fleet.quay.host}/org/tool:2", "sha256:" + "0" * 64)
    assert fleet.faults(2) == {"quay.test/org/tool:2": ["missing"]}
    first = fleet("drift", "--runbook", "used", "--output", "json", code=2).report
    fleet.quay.statuses["/v2/"] = 503
    report = fleet("drift", "--runbook", "used", "--output", "json", code=1).report
    assert [row["state"] for row in report["images"]] == ["unexamined"]
    (finding,) = report["findings"]
    assert (finding["id"], finding["state"]) == (f"images-unexamined:{fleet.quay.host}", "unexamined")
    assert "clean" not in fleet("drift", "--runbook", "used", code=1).stdout
    fleet.quay.statuses.clear()
    last = fleet("drift", "--runbook", "used", "--output", "json", code=2).report
    (kept,) = last["findings"]
    assert kept["id"] == f"image-missing:{fleet.quay.host}/org/tool:2"
    assert kept["first_seen"] == first["findings"][0]["first_seen"]
    fleet.write(images_in_use={"skip": ["quay.test:*"]})
    assert [row["state"] for row in fleet.rows(0).values()] == ["skipped"]


def test_what_pulls_no_more_and_what_never_pulls_is_no_finding(fleet: Fleet) -> None:
    fleet.content.pod("local", f"{fleet.quay.host}/org/local:1", "", imagePullPolicy="Never")
    fleet.content.pod("wrong", "Not/A/Name", "")
    fleet.content.pod("node-own", "localhost:5000/app:1", "")
    done = fleet("images", code=1)
    assert "not Found" not in done.said
    assert "images-unexamined:localhost:5000" in done.stdout
    assert "is no name of an image" in done.stdout
    assert fleet.quay.asked == []


@pytest.mark.parametrize("columns", [60, 120])
def test_the_text_fits_the_terminal_and_names_stay_whole(
    fleet: Fleet, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    web = fleet.own.put("shop/web", "1")
    fleet.content.pod("web", f"{fleet.own.host}/shop/web:1", web, secrets=("registry",))
    fleet.content.pod("long", f"{fleet.quay.host}/{'a-long-name/' * 6}tool:2", "sha256:" + "0" * 64)
    out = fleet("images", code=2).stdout
    names = {line for line in out.splitlines() if "a-long-name" in line}
    assert all(len(line) <= columns for line in out.splitlines() if line not in names)
    assert f"  ! {'a-long-name/' * 6}tool:2" in names
    only = fleet("images", "--faults", code=2).stdout
    assert "shop/web" not in only
    assert "2 images of 2 registries, in 1 namespace; 1 missing" in " ".join(only.split())


def test_one_namespace_can_be_examined_alone(fleet: Fleet) -> None:
    fleet.content.pod("tool", f"{fleet.quay.host}/org/tool:2", "", namespace="blog")
    assert list(fleet.rows(0, "-n", "shop")) == []
    assert list(fleet.rows(2, "-n", "blog")) == ["quay.test/org/tool:2"]
    assert "is no name of a namespace" in fleet("images", "-n", "../x", code=1).stderr


def test_a_tenant_sees_the_images_of_the_namespaces_of_the_inventory(fleet: Fleet) -> None:
    web = fleet.own.put("shop/web", "1")
    fleet.content.pod("web", f"{fleet.own.host}/shop/web:1", web, secrets=("registry",))
    fleet.content.pod("theirs", f"{fleet.quay.host}/org/tool:2", "", namespace="theirs")
    shutil.copy(fleet.api.tenant("shop"), fleet.folder / "kubeconfig")
    assert "cannot list resource" in fleet("images", code=1).stdout
    workload = {"namespace": "shop", "image": "shop/web:1", "manage_namespace": False}
    fleet.write(workloads={"web": workload})
    assert list(fleet.rows(0)) == [f"{OWN}/shop/web:1"]


def test_a_site_without_a_cluster_is_told_so(fleet: Fleet) -> None:
    fleet.write(cluster=None)
    assert "write data.cluster.kubeconfig" in fleet("images", code=1).stderr


def test_images_of_a_mirrored_registry_are_asked_of_the_mirror_and_others_come_past_it(fleet: Fleet) -> None:
    fleet.own.access, fleet.own.private = "harbor", {}
    registry = {"name": OWN, "address": ADDRESS, "port": fleet.own.port}
    fleet.write(registry=registry, harbor={"managed": False}, mirrors={"docker.io": {"project": "hub"}})
    nginx = fleet.own.put("hub/library/nginx", "1")
    fleet.content.secret("shop", "hub", pull_secret("https://index.docker.io/v1/", "me", "hub-passw0rd"))
    fleet.content.pod("nginx", "nginx:1", nginx, secrets=("hub",))
    fleet.content.pod("web", f"{fleet.own.host}/shop/web:1", fleet.own.put("shop/web", "1"), secrets=("registry",))
    tool = fleet.quay.put("org/tool", "2")
    fleet.content.pod("tool", f"{fleet.quay.host}/org/tool:2", tool)
    report = fleet("images", "--output", "json", code=2).report
    rows = {fleet.bare(row["name"]): (row["state"], row["route"]) for row in report["images"]}
    assert rows == {
        "docker.io/library/nginx:1": ("there", "mirror"),
        f"{OWN}/shop/web:1": ("there", "own"),
        "quay.test/org/tool:2": ("there", "direct"),
    }
    (finding,) = report["findings"]
    assert finding["id"] == f"image-past-mirrors:{fleet.quay.host}"
    assert "1 image of" in finding["what"]
    assert "me" not in {one.user for one in fleet.own.asked}  # Docker Hub's login is not for the mirror
    assert fleet.own.count("HEAD") == 2 + 1  # how to pull without a login, and the two images
    fleet.own.remove("hub/library/nginx")
    (fault,) = fleet.rows(2)["docker.io/library/nginx:1"]["faults"]
    assert "the mirror does not have it" in fault["what"]


def test_images_of_several_clusters_are_told_apart(fleet: Fleet) -> None:
    fleet.content.pod("tool", f"{fleet.quay.host}/org/tool:2", "sha256:" + "0" * 64)
    for name in ("one", "two"):
        shutil.copy(fleet.folder / "kubeconfig", fleet.folder / name)
    hosts = {name: {"groups": ["clusters"], "data": {"cluster": {"kubeconfig": name}}} for name in ("one", "two")}
    fleet.write(cluster=None)
    write_site(fleet.folder, {"inventory/hosts.yaml": hosts, "inventory/groups.yaml": {"clusters": {}}})
    report = fleet("images", "--output", "json", code=2).report
    assert [(row["cluster"], row["pods"]) for row in report["images"]] == [("one", 1), ("two", 1)]
    assert [finding["host"] for finding in report["findings"]] == ["one", "two"]
    assert "cluster of two" in fleet("images", code=2).stdout
