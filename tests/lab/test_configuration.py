"""Harbor's configuration as data on a Harbor that is up: absent, wrong, right, twice, drift by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from shlex import quote
from typing import Any

import pytest
from ruamel.yaml import YAML

from moor.connections.apis.harbor import Harbor
from tests.harness.sites import write_site
from tests.harness.waiting import until
from tests.lab.conftest import Moored
from tests.lab.diagnosing import administrator
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

API = "/api/v2.0"
SHOP: dict[str, Any] = {
    "quota": "1 GiB",
    "scan": {"on_push": True, "block_from": "critical"},
    "cve_allowlist": {"cves": ["CVE-2024-1234"]},
    "retention": {"schedule": "daily", "rules": [{"keep": "latest_pushed", "count": 3}]},
    "immutable": [{"tags": "v*"}],
    "members": {"alice": "maintainer"},
    "webhooks": {"ci": {"address": "https://ci.moor.test/hook", "events": ["PUSH_ARTIFACT"]}},
    "labels": {"approved": {"color": "#00AB9A"}},
    "robots": {"builder": {"access": ["pull", "push"], "duration_days": 30}},
}
IDS = {
    "project:shop",
    "quota:shop",
    "retention:shop",
    "immutable:shop: repositories **, tags v*",
    "member:shop/alice",
    "webhook:shop/ci",
    "label:shop/approved",
    "robot:shop+builder",
}


@dataclass
class Configured:
    """A fleet whose Harbor is up, a client of that Harbor, and the site's inventory, which each test writes anew."""

    moored: Moored
    harbor: Harbor

    def written(self, **sections: Any) -> AbstractContextManager[None]:
        """Lay keys over sections of the site's defaults, and put the file back at the end."""
        return sections_laid_over(self.moored, sections)

    def planned(self) -> set[str]:
        """Return the ids of what a plan of the registry alone would change."""
        return set(self.moored.moor.planned("registry"))

    def applied(self) -> None:
        """Apply the registry's configuration alone; a plan then finds nothing, and a second apply does nothing."""
        self.moored.moor.applied("registry")
        assert self.planned() == set()
        assert "apply: nothing to change" in self.moored.moor.applied("registry")

    def get(self, path: str, **query: str) -> Any:
        """Ask Harbor itself."""
        answer = self.harbor.ask("GET", f"{API}{path}", query=query)
        assert answer.is_success, answer.text
        return answer.json()

    def do(self, method: str, path: str, body: object = None) -> None:
        """Change something in Harbor by hand."""
        self.harbor.change(method, f"{API}{path}", body)


@pytest.fixture
def configured(moored: Moored) -> Iterator[Configured]:
    harbor = administrator(moored)
    try:
        yield Configured(moored, harbor)
    finally:
        harbor.close()


@pytest.fixture
def without_shop(configured: Configured) -> Iterator[Configured]:
    """Yield a Harbor with a user alice, and with no project shop before and after."""
    alice = {"username": "alice", "email": "alice@moor.test", "realname": "Alice", "password": "Alice-Passw0rd"}
    configured.do("POST", "/users", alice)
    try:
        yield configured
    finally:
        if any(one["name"] == "shop" for one in configured.get("/projects")):
            configured.do("DELETE", "/projects/shop")
        number = next(one["user_id"] for one in configured.get("/users") if one["username"] == "alice")
        configured.do("DELETE", f"/users/{number}")


def test_what_a_running_harbor_holds_is_exported_and_plans_nothing(without_shop: Configured) -> None:
    it = without_shop
    with it.written(projects={"shop": SHOP}):
        it.applied()
        found = it.moored.moor("harbor", "export", "--output", "json").report
    assert found["data"]["projects"]["shop"]["members"] == {"alice": "maintainer"}
    assert "file:secrets/harbor/user-alice" in found["secrets"]
    assert not [name for name in found["secrets"] if "projects/shop" in name]  # moor has made those itself
    words = {name.removeprefix("file:"): "Alice-Passw0rd" for name in found["secrets"]}
    write_site(it.moored.moor.site, {}, words)
    with it.written(**found["data"]):
        assert not it.planned() & {*IDS, "user:alice", "setting:general", "setting:auth"}


def test_a_project_with_everything_in_it(without_shop: Configured) -> None:
    it = without_shop
    with it.written(projects={"shop": SHOP}):
        assert it.planned() == IDS
        it.applied()
        number = it.get("/projects/shop")["project_id"]
        by_hand: dict[str, Callable[[], None]] = {
            "project:shop": lambda: it.do("PUT", "/projects/shop", {"metadata": {"auto_scan": "false"}}),
            "quota:shop": lambda: it.do("PUT", f"/quotas/{quota_of(it, number)}", {"hard": {"storage": -1}}),
            "retention:shop": lambda: it.do(
                "DELETE", f"/retentions/{it.get('/projects/shop')['metadata']['retention_id']}"
            ),
            "immutable:shop: repositories **, tags v*": lambda: it.do(
                "DELETE", f"/projects/shop/immutabletagrules/{it.get('/projects/shop/immutabletagrules')[0]['id']}"
            ),
            "webhook:shop/ci": lambda: it.do(
                "DELETE", f"/projects/shop/webhook/policies/{it.get('/projects/shop/webhook/policies')[0]['id']}"
            ),
        }
        for change in by_hand.values():
            change()
        assert it.planned() == set(by_hand)
        found = it.moored.moor("drift", "--output", "json").report
        told = {r["id"] for host in found["hosts"].values() for r in host["resources"] if r["status"] == "drift"}
        assert set(by_hand) <= told
        it.applied()
    with it.written(projects={"shop": {"prune": True}}):
        assert it.planned() == IDS - {"project:shop", "quota:shop"}
        it.applied()
    with it.written(harbor_system={"prune": ["projects"]}):
        assert "project:shop" in it.planned()


def quota_of(it: Configured, project: int) -> int:
    return int(it.get("/quotas", reference="project", reference_id=str(project))[0]["id"])


def test_an_unlisted_project_with_images_is_refused_and_stays(configured: Configured) -> None:
    demo = configured.get("/projects/demo")
    with configured.written(harbor_system={"prune": ["projects"]}):
        path = configured.moored.moor.site / "inventory" / "defaults.yaml"
        tree = YAML(typ="safe").load(path.read_text())
        for section in ("images", "workloads", "cluster"):
            tree["data"].pop(section)
        tree["data"]["projects"] = {"other": {}}
        with path.open("w") as file:
            YAML(typ="safe").dump(tree, file)
        for words in (("plan", "registry"), ("apply", "registry", "--yes")):
            done = configured.moored.moor(*words)
            assert done.returncode == 1
            assert "project:demo: it has images, and prune removes none of them" in done.said
    assert configured.get("/projects/demo")["repo_count"] == demo["repo_count"] > 0


PUSH = """\
docker --config /tmp/push login -u admin --password-stdin registry.moor.test
docker tag registry.moor.test/demo/sqrt:1.0 registry.moor.test/old/team/sqrt:v1
docker --config /tmp/push push registry.moor.test/old/team/sqrt:v1
docker rmi registry.moor.test/old/team/sqrt:v1
rm -r /tmp/push"""


def test_an_unlisted_project_goes_with_its_images_if_that_is_written(configured: Configured) -> None:
    it = configured
    it.do("POST", "/projects", {"project_name": "old", "metadata": {"public": "false"}})
    number = it.get("/projects/old")["project_id"]
    tags = [{"kind": "doublestar", "decoration": "matches", "pattern": "v*"}]
    scope = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}
    chosen = {"tag_selectors": tags, "scope_selectors": scope}
    rule = {"action": "immutable", "template": "immutable_template", **chosen}
    it.do("POST", f"/projects/{number}/immutabletagrules", rule)
    password = (it.moored.lab.directory / "secrets/harbor-admin").read_text().strip()
    it.moored.lab.exec("ws1", ["sh", "-ec", PUSH], password, 120)
    library = {"library": {"public": True}}
    with it.written(harbor_system={"prune": ["projects", "with_content"]}, projects=library):
        report = it.moored.moor("plan", "registry", "--output", "json").report
        told = {r["id"]: r["diff"] for host in report["hosts"].values() for r in host["resources"] if r["diff"]}
        assert set(told) == {"project:old"}
        for words in ("repositories: 1 -> (none)", "artifacts: 1 -> (none)", "size: "):
            assert words in told["project:old"]
        it.applied()
    assert "old" not in {one["name"] for one in it.get("/projects")}


ADAPTER = """\
busybox mkdir -p /tmp/www/api/v1
echo '{"scanner": {"name": "Any"}}' >/tmp/www/api/v1/metadata
exec python3 -m http.server 8080 --directory /tmp/www
"""  # what a scanner and the port of an LDAP server have to be for the stand-in


@pytest.fixture
def adapter(moored: Moored) -> Iterator[str]:
    """Yield HOST:PORT, as Harbor's containers reach it, of what stands for a scanner and for a directory of users."""

    def run(script: str) -> str:
        return moored.lab.exec("harbor1", ["sh", "-ec", script])

    image = '"$(docker inspect --format {{.Config.Image}} harbor-core)"'
    start = f"docker run -d --name adapter --network harbor_harbor --entrypoint /bin/sh {image} -ec {quote(ADAPTER)}"
    run(start)
    reached = "docker exec harbor-core busybox wget -q -O - http://adapter:8080/api/v1/metadata || true"
    try:
        until(lambda: "Any" in run(reached), "the adapter answers", 60)
        yield "adapter:8080"
    finally:
        run("docker rm -f adapter")


def test_the_system_with_everything_in_it(configured: Configured, adapter: str) -> None:
    it = configured
    system: dict[str, Any] = {
        "auth": {"mode": "ldap", "ldap": {"url": f"ldap://{adapter}", "base_dn": "dc=fleet,dc=test"}},
        "settings": {"session_timeout_minutes": 30, "project_creation": "adminonly", "default_quota": "50 GiB"},
        "scanners": {"any": {"url": f"http://{adapter}"}},
        "gc": {"schedule": "weekly"},
        "scan_all": {"schedule": "daily"},
        "purge_audit": {"schedule": "daily", "operations": ["pull"]},
        "cve_allowlist": {"cves": ["CVE-2024-3094"]},
        "robots": {"backup": {"projects": {"*": ["pull"]}}},
    }
    ids = {
        "setting:auth", "setting:general", "scanner:any", "schedule:gc", "schedule:scan-all", "schedule:purge-audit",
        "cve-allowlist:system", "system-robot:backup",
    }  # fmt: skip
    none = {"schedule": {"type": "None"}}
    with it.written(harbor_system=system):
        assert it.planned() == ids
        it.applied()
        robot = it.get("/robots", q="Level=system")[0]["id"]
        by_hand: dict[str, tuple[str, str, object]] = {
            "setting:auth": ("PUT", "/configurations", {"ldap_uid": "mail"}),
            "setting:general": ("PUT", "/configurations", {"session_timeout": 60}),
            "schedule:gc": ("PUT", "/system/gc/schedule", none),
            "schedule:scan-all": ("PUT", "/system/scanAll/schedule", none),
            "schedule:purge-audit": ("PUT", "/system/purgeaudit/schedule", none),
            "cve-allowlist:system": ("PUT", "/system/CVEAllowlist", {"items": []}),
            "system-robot:backup": ("PATCH", f"/robots/{robot}", {"secret": "By-Hand-Passw0rd"}),
        }
        for method, path, body in by_hand.values():
            it.do(method, path, body)
        assert it.planned() == set(by_hand)
        it.applied()
    settings = {"session_timeout_minutes": 60, "project_creation": "everyone", "default_quota": "unlimited"}
    no_schedules = {key: {"schedule": "none"} for key in ("gc", "scan_all", "purge_audit")}
    former = {"auth": {"mode": "database"}, "settings": settings, "cve_allowlist": {}, **no_schedules}
    with it.written(harbor_system={**former, "prune": ["robots", "scanners"]}):
        assert it.planned() == ids
        it.applied()
    assert it.get("/robots", q="Level=system") == []


def secret(it: Configured, name: str, word: str) -> str:
    path = it.moored.moor.site / name
    path.write_text(word)
    path.chmod(0o600)
    return f"file:{path}"


def test_a_user_fixes_the_auth_mode(configured: Configured) -> None:
    it, password = configured, secret(configured, "dev", "First-Passw0rd")
    oidc = {"name": "sso", "endpoint": "https://sso.test", "client_id": "x", "client_secret": password}
    with it.written(harbor_system={"users": {"dev": {"email": "d@fleet.test", "realname": "D", "password": password}}}):
        assert it.planned() == {"user:dev"}
        it.applied()
    with it.written(harbor_system={"auth": {"mode": "oidc", "oidc": oidc}}):
        refused = it.moored.moor("apply", "registry", "--yes")
        assert refused.returncode == 1
        assert "Harbor keeps database once it has users (dev)" in refused.said
    with it.written(harbor_system={"prune": ["users"]}):
        assert it.planned() == {"user:dev"}
        it.applied()
    assert "First-Passw0rd" not in "".join(it.moored.moor.said)


def test_garbage_is_collected_and_images_stay(configured: Configured) -> None:
    it = configured
    started = it.harbor.change("POST", f"{API}/system/gc/schedule", {"schedule": {"type": "Manual"}})
    assert it.harbor.ask("GET", started.headers["Location"]).json()["job_status"] == "Success"
    assert it.moored.moor("verify", "--quiet", "--limit", "node1").returncode == 0


def test_the_administrators_password_is_changed_by_plan_and_back(configured: Configured) -> None:
    it, new = configured, "Of-The-Plan-1234"
    former = (it.moored.lab.directory / "secrets/harbor-admin").read_text().strip()
    references = {"new": secret(it, "new", new), "former": secret(it, "former", former)}
    for wanted, before, concern in (("new", "former", []), ("former", "new", ["registry"])):
        passwords = {"admin_password": references[wanted], "admin_password_before": references[before]}
        with it.written(harbor=passwords):
            # everything else logs in by the former one
            assert it.moored.moor.planned(*concern) == ["harbor-password:admin"]
            it.moored.moor.applied("registry")
            assert it.moored.moor.planned(*concern) == []
    said = "".join(it.moored.moor.said)
    assert new not in said
    assert former not in said
