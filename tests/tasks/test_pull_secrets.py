"""Pull secrets in namespaces by name and label, on the stand-ins of Kubernetes and of Harbor, both over TLS."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.pull_secrets.cluster_view import DRY_RUNS, PAGE
from moor.tasks.pull_secrets.place import Chosen, choose, conflicts
from moor.tasks.pull_secrets.settings import PullSecrets
from moor.tasks.registry.logins import DATA_KEYS, DOCKER_CONFIG
from moor.tasks.workload.settings import Workload
from moor_lab.kubernetes.standin import kinds
from tests.harness.harbor import HarborSite, harbor_site
from tests.kubernetes.served import Api

ENTRY = {"robot": "demo+puller", "namespaces": ["team-*"], "namespace_selector": {"team": "shop"}}
GHCR = {"auth": base64.b64encode(b"bot:ghp_x").decode()}


class Placed:
    """A site with pull secrets, its Harbor and its cluster."""

    def __init__(self, site: HarborSite, api: Api) -> None:
        self.site, self.api = site, api
        site.hosts = {"cp1": "control_plane", "ws1": "workstations"}

    def write(self, **entries: Mapping[str, Any]) -> None:
        self.site.write(
            projects={"demo": {"robots": {"puller": {}}}},
            harbor_system={"robots": {"everywhere": {"projects": {"*": ["pull"]}}}},
            cluster={"kubeconfig": str(self.api.kubeconfig)},
            pull_secrets=entries,
        )

    def namespace(self, name: str, **labels: str) -> None:
        self.api.cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": name, "labels": labels}})
        account = {"metadata": {"name": "default", "namespace": name}, "imagePullSecrets": [{"name": "mine"}]}
        self.api.cluster.create(kinds.SERVICE_ACCOUNT, name, account)

    def secret(self, namespace: str, auths: object, **more: Any) -> None:
        data = {DATA_KEYS[DOCKER_CONFIG]: base64.b64encode(json.dumps({"auths": auths}).encode()).decode()}
        metadata = {"name": "registry", "namespace": namespace}
        made = {"metadata": metadata, "type": DOCKER_CONFIG, "data": data, **more}
        self.api.cluster.create(kinds.SECRET, namespace, made)

    def logins(self, namespace: str, name: str = "registry") -> dict[str, str] | None:
        """Return the user of each login in a pull secret; None without the secret."""
        found = self.api.store.find(kinds.SECRET, namespace, name)
        if found is None:
            return None
        auths = json.loads(base64.b64decode(found["data"][DATA_KEYS[DOCKER_CONFIG]]))["auths"]
        return {key: base64.b64decode(one["auth"]).decode().partition(":")[0] for key, one in auths.items()}

    def pulls_with(self, namespace: str) -> list[str]:
        account = self.api.store.get(kinds.SERVICE_ACCOUNT, namespace, "default")
        return [one["name"] for one in account.get("imagePullSecrets", [])]

    def planned(self, code: int | None = 2) -> dict[str, str]:
        """Return the diff of everything that a plan would change, by id."""
        report = self.site("plan", "pull_secrets", "--output", "json", code=code).report
        found = [resource for host in report["hosts"].values() for resource in host["resources"]]
        return {one["id"]: one["diff"] for one in found if one["status"] == "drift"}

    def applied(self) -> None:
        self.site("apply", "pull_secrets", "--yes")


@pytest.fixture
def placed(tmp_path: Path, api: Api) -> Iterator[Placed]:
    (tmp_path / "harbor").mkdir()
    with harbor_site(tmp_path / "harbor") as site:
        made = Placed(site, api)
        made.write(registry=ENTRY)
        site("apply", "registry", "--yes")
        yield made


def test_namespaces_have_it_by_name_and_label_new_ones_too_and_others_logins_are_shown_as_kept(placed: Placed) -> None:
    port = f"registry.corp.test:{placed.site.harbor.port}"
    placed.write(registry={**ENTRY, "service_accounts": ["default"]})
    placed.namespace("market", team="shop")
    placed.namespace("other", team="else")
    placed.namespace("team-a")
    placed.secret("team-a", {"ghcr.io": GHCR})
    planned = placed.planned()
    assert set(planned) == {
        "secret:market/registry",
        "secret:team-a/registry",
        "serviceaccount:market/default#registry",
        "serviceaccount:team-a/default#registry",
    }
    assert "other logins: ghcr.io -> ghcr.io (kept)" in planned["secret:team-a/registry"]
    assert "others: mine -> mine (kept)" in planned["serviceaccount:market/default#registry"]
    placed.applied()
    assert placed.logins("market") == {port: "robot$demo+puller"}
    assert placed.logins("team-a") == {"ghcr.io": "bot", port: "robot$demo+puller"}
    assert placed.logins("other") is None
    assert [placed.pulls_with(name) for name in ("market", "other")] == [["mine", "registry"], ["mine"]]
    assert placed.planned(code=0) == {}
    placed.namespace("team-b")
    assert set(placed.planned()) == {"secret:team-b/registry", "serviceaccount:team-b/default#registry"}
    passwords = [path.read_text().strip() for path in (placed.site.folder / ".moor/secrets").glob("robot-*")]
    assert passwords
    assert not [word for word in passwords for said in placed.site.said if word in said]


def test_a_namespace_that_no_longer_matches_keeps_it_until_moor_is_told_to_prune(placed: Placed) -> None:
    placed.write(registry={**ENTRY, "service_accounts": ["default"]})
    for name in ("team-a", "team-b", "team-c"):
        placed.namespace(name)
    placed.secret("team-b", {"ghcr.io": GHCR})
    placed.applied()
    left = {**ENTRY, "namespaces": ["team-c"], "service_accounts": ["default"]}
    placed.write(registry=left)
    said = placed.site("drift", "--runbook", "pull_secrets", code=2).said
    assert "data.pull_secrets.registry has no such namespace any more: team-a/registry, team-b/registry" in said
    assert "prune: true there removes them" in said
    placed.applied()
    assert placed.logins("team-a") is not None
    placed.write(registry={**left, "prune": True})
    planned = placed.planned()
    assert "placed by: data.pull_secrets.registry -> (none)" in planned["secret:team-a/registry"]
    assert "other logins: ghcr.io -> ghcr.io (kept)" in planned["secret:team-b/registry"]
    placed.applied()
    assert placed.logins("team-a") is None
    assert placed.logins("team-b") == {"ghcr.io": "bot"}
    assert [placed.pulls_with(name) for name in ("team-a", "team-c")] == [["mine"], ["mine", "registry"]]
    assert placed.planned(code=0) == {}


def test_thousands_of_namespaces_are_planned_by_a_handful_of_requests(placed: Placed) -> None:
    count, lists = 600, 3
    for at in range(count):
        placed.namespace(f"team-{at}")
    before = len(placed.api.asked)
    assert len(placed.planned()) == count
    assert len(placed.api.asked) - before <= lists * (count // PAGE + 1) + DRY_RUNS


def test_a_namespace_that_refuses_does_not_keep_the_others_from_their_secret(placed: Placed) -> None:
    for name in ("team-a", "team-b", "team-c"):
        placed.namespace(name)
    placed.secret("team-b", {}, immutable=True)
    done = placed.site("apply", "pull_secrets", "--yes", code=1)
    assert "secret:team-b/registry" in done.said
    assert "field is immutable when `immutable` is set" in done.said
    assert placed.logins("team-a") == placed.logins("team-c") != {}


def test_a_robot_of_the_system_may_be_in_it_and_a_missing_namespace_is_told(placed: Placed) -> None:
    placed.namespace("team-a")
    placed.write(registry={"robot": "everywhere", "namespaces": ["team-a", "later"]})
    placed.site("apply", "registry", "--yes")
    placed.site("apply", "pull_secrets", "--yes")
    assert list((placed.logins("team-a") or {}).values()) == ["robot$everywhere"]
    said = placed.site("drift", "--runbook", "pull_secrets", code=2).said
    assert "data.pull_secrets.registry names the namespace later, which the cluster does not have" in said
    placed.namespace("later")
    assert set(placed.planned()) == {"secret:later/registry"}


def test_a_tenant_places_it_in_his_own_namespace_by_name(placed: Placed) -> None:
    placed.namespace("team-a")
    placed.api.kubeconfig = placed.api.tenant("team-a")
    placed.write(registry={"robot": "demo+puller", "namespaces": ["team-a"], "service_accounts": ["default"]})
    placed.applied()
    assert placed.logins("team-a")
    assert placed.pulls_with("team-a") == ["mine", "registry"]


def test_wrong_entries_are_refused_all_at_once_with_their_keys(placed: Placed) -> None:
    placed.write(
        a={"robot": "demo+nobody", "namespaces": ["x"]},
        b={"robot": "nobody", "namespaces": ["x"]},
    )
    said = placed.site("plan", "pull_secrets", code=1).said
    assert "data.pull_secrets.a.robot: " in said
    assert "no robot nobody in a project demo" in said
    assert "write PROJECT+ROBOT for a robot of a project, or name one of data.harbor_system.robots" in said
    placed.write(
        a={"robot": "demo+puller"}, b={**ENTRY, "name": "x", "namespaces": ["n"]}, x={**ENTRY, "namespaces": ["n"]}
    )
    said = placed.site("plan", "pull_secrets", code=1).said
    assert "data.pull_secrets.a: it is for no namespace; write namespaces or namespace_selector" in said
    assert "data.pull_secrets.x.namespaces: b places a secret x in n too; write another name: for one of them" in said
    placed.write(b={**ENTRY, "namespaces": ["Team_A"]}, c={**ENTRY, "labels": {}})
    said = placed.site("plan", "pull_secrets", code=1).said
    assert "data.pull_secrets.b.namespaces" in said
    assert "data.pull_secrets.c.labels: no such key" in said


Labels = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))
Names = st.sampled_from(["team-a", "team-b", "shop"])


@given(st.lists(st.sampled_from(["team-*", "shop", "*"])), st.dictionaries(st.sampled_from("ab"), st.just("x")),
       st.lists(Names), st.dictionaries(Names, Labels))  # fmt: skip
def test_an_excluded_namespace_never_has_it_and_a_selector_wants_all_its_labels(
    names: list[str], selector: dict[str, str], excluded: list[str], there: dict[str, dict[str, str]]
) -> None:
    entry = {"robot": "r", "namespaces": names, "namespace_selector": selector, "exclude": excluded, "prune": True}
    chosen = {one.namespace for one in choose(PullSecrets.model_validate({"registry": entry}), there)}
    assert chosen.isdisjoint(excluded)
    assert chosen <= set(there)
    for name, labels in there.items():
        selected = bool(selector) and selector.items() <= labels.items()
        named = "*" in names or name in names or ("team-*" in names and name.startswith("team-"))
        assert (name in chosen) == ((selected or named) and name not in excluded)


def test_two_sections_that_want_different_logins_in_one_secret_are_told_apart() -> None:
    section = PullSecrets.model_validate({"a": {**ENTRY, "name": "registry"}, "registry": ENTRY})
    workload = Workload.model_validate({"namespace": "team-a", "image": "demo/web:1", "robot": "pusher"})
    said = list(conflicts(section, Chosen("team-a", {"a": "registry", "registry": "registry"}), {"web": workload}))
    assert said[0].startswith("secret:team-a/registry: data.workloads.web has the robot pusher in it")
    assert any("data.pull_secrets.a and data.pull_secrets.registry both take in team-a" in words for words in said)
