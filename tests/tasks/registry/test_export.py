"""``moor harbor export``: what a running Harbor holds, as inventory that plans nothing when it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.harness.harbor import HarborSite, harbor_site

SHOP: dict[str, Any] = {
    "public": True,
    "quota": "5 GiB",
    "scan": {"on_push": True, "block_from": "high"},
    "content_trust": {"cosign": True},
    "cve_allowlist": {"cves": ["CVE-2024-3094"], "expires": "2099-01-31"},
    "retention": {
        "schedule": "daily",
        "rules": [{"keep": "latest_pushed", "count": 3}, {"keep": "always", "tags": "v*"}],
    },
    "immutable": [{"tags": "v*"}, {"except_repositories": "web/**", "tags": "{a,b}", "enabled": False}],
    "members": {"dev1": "maintainer"},
    "groups": {"builders": {"role": "developer"}},
    "webhooks": {"on push": {"address": "https://ci.corp.test/x", "events": ["PUSH_ARTIFACT"], "verify_tls": False}},
    "labels": {"no": {"color": "#00AB9A", "description": "not for use"}, "1.0": {}},
    "robots": {"ci": {"access": ["pull", "push"]}, "puller": {"access": ["pull"], "duration_days": 90}},
}
DEV1 = {"username": "dev1", "email": "dev1@corp.test", "realname": "Dev", "password": "Some-Passw0rd"}
USER = "file:secrets/harbor/user-dev1"
HEADER = "Bearer of-the-hook-made-by-hand"
HUB = "file:secrets/harbor/registry-hub"
REGISTRY = {
    "type": "docker-registry",
    "url": "https://hub.corp.test",
    "insecure": False,
    "credential": {"type": "basic", "access_key": "us", "access_secret": "Hub-Passw0rd"},
    "creation_time": "2026-01-01T00:00:00.000Z",
    "update_time": "2026-01-01T00:00:00.000Z",
}
HOOK = {
    "name": "by hand",
    "enabled": True,
    "event_types": ["REPLICATION"],
    "targets": [{"type": "http", "address": "https://ci.corp.test/y", "auth_header": HEADER}],
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        yield made.write()


def take_over(site: HarborSite) -> tuple[dict[str, Any], dict[str, str]]:
    """Write what is exported as the site's inventory; return it, and the secrets that are to be filled in."""
    words = site("harbor", "export").stdout
    data = YAML(typ="safe", pure=True).load(words)["data"]
    found = json.loads(site("harbor", "export", "--output", "json").stdout)
    assert (found["schema"], found["data"]) == (1, data)
    site.write(**data)
    return data, found["secrets"]


def robot(site: HarborSite, name: str, **changes: object) -> str:
    """Make a robot of the project shop by hand, and return its password."""
    access = [{"resource": "repository", "action": "pull"}]
    grant = [{"kind": "project", "namespace": "shop", "access": access}]
    body = {"name": name, "level": "project", "duration": -1, "permissions": grant} | changes
    made = site.api.post("/api/v2.0/robots", json=body)
    assert made.status_code == 201
    return str(made.json()["secret"])


def test_what_moor_has_made_is_exported_and_plans_nothing(site: HarborSite) -> None:
    site.do("POST", "/users", DEV1)
    site.do("POST", "/usergroups", {"group_name": "builders", "group_type": 3})
    site.write(projects={"shop": SHOP, "12345": {}})
    site.applied()
    data, secrets = take_over(site)
    assert list(secrets) == [USER]  # moor has made the robots' passwords itself
    site.secret("harbor/user-dev1", "Any-Passw0rd")
    assert set(data["projects"]) == {"shop", "12345", "library"}
    assert data["projects"]["12345"] == {}
    assert set(data["projects"]["shop"]) == set(SHOP)
    assert data["projects"]["shop"]["immutable"] == SHOP["immutable"]
    assert site.planned() == {}


def test_an_export_lists_everything_so_that_a_prune_removes_nothing(site: HarborSite) -> None:
    site.do("POST", "/users", DEV1)
    site.do("POST", "/usergroups", {"group_name": "builders", "group_type": 3})
    site.write(projects={"shop": SHOP})
    site.applied()
    data, _ = take_over(site)
    site.secret("harbor/user-dev1", "Any-Passw0rd")
    pruned = {name: {**project, "prune": True} for name, project in data["projects"].items()}
    kinds = ["projects", "registries", "replications", "robots", "users", "scanners"]
    site.write(projects=pruned, harbor_system={**data["harbor_system"], "prune": kinds})
    assert site.planned() == {}


def test_secrets_are_references_to_be_filled_in(site: HarborSite) -> None:
    site.write(projects={"shop": {}})
    site.applied()
    password = robot(site, "ci")
    site.do("POST", "/projects/shop/webhook/policies", HOOK)
    data, secrets = take_over(site)
    shop = data["projects"]["shop"]
    assert shop["robots"]["ci"]["secret"] == "file:secrets/projects/shop/robot-ci"
    assert shop["webhooks"]["by hand"]["auth"] == "file:secrets/projects/shop/webhook-by-hand"
    said = site("harbor", "export").stderr
    for reference, what in secrets.items():
        assert f"fill in {reference}: {what}" in said
    assert "secrets/projects/shop/robot-ci: no such file" in site("plan", "registry", code=1).stderr
    site.secret("projects/shop/robot-ci", password)
    site.secret("projects/shop/webhook-by-hand", HEADER)
    assert site.planned() == {}
    assert not [words for words in site.said if password in words or HEADER in words]


def test_harbor_as_a_whole_is_exported_too(site: HarborSite) -> None:
    system: dict[str, Any] = {
        "settings": {"project_creation": "adminonly", "robot_days": 90, "default_quota": "50 GiB"},
        "gc": {"schedule": "weekly", "delete_untagged": True},
        "purge_audit": {"schedule": "0 30 2 * * *", "keep_hours": 240, "operations": ["create", "pull"]},
        "cve_allowlist": {"cves": ["CVE-2024-3094"], "expires": "2099-01-31"},
        "robots": {"all": {"projects": {"*": ["artifact:list", "pull"]}, "duration_days": 30}},
    }
    site.write(harbor_system=system)
    site.applied()
    data, secrets = take_over(site)
    found = data["harbor_system"]
    assert secrets == {}
    assert found["auth"]["mode"] == "database"
    assert system["settings"].items() <= found["settings"].items()
    assert "banner" not in found["settings"]  # a release without it
    assert {key: found[key] for key in ("purge_audit", "cve_allowlist", "robots")} == {
        key: system[key] for key in ("purge_audit", "cve_allowlist", "robots")
    }
    assert found["gc"] == {**system["gc"], "schedule": "0 0 0 * * 0"}
    assert "scan_all" not in found
    assert site.planned() == {}


def test_a_proxy_cache_is_exported_with_its_registry(site: HarborSite) -> None:
    assert not site.harbor.core.store.add("registry", "hub", REGISTRY).id > 1
    site.do("POST", "/projects", {"project_name": "cache", "registry_id": 1})
    data, secrets = take_over(site)
    assert data["projects"]["cache"]["proxy_cache"] == {"registry": "hub"}
    (rule,) = data["projects"]["cache"]["retention"]["rules"]  # Harbor makes one itself
    assert (rule["keep"], rule["count"]) == ("pulled_within_days", 7)
    assert data["harbor_system"]["registries"] == {
        "hub": {"url": "https://hub.corp.test", "type": "docker-registry", "user": "us", "password": HUB}
    }
    assert secrets == {HUB: "the password of us at the registry hub"}
    site.secret("harbor/registry-hub", "Hub-Passw0rd")
    # Harbor does not tell whether it has this password, so that moor writes it once.
    assert list(site.planned()) == ["registry:hub"]


def test_a_new_project_says_nothing_but_its_name(site: HarborSite) -> None:
    site.do("POST", "/projects", {"project_name": "bare"})
    data, _ = take_over(site)
    assert data["projects"]["bare"] == {}


def test_an_allow_list_of_ones_own_that_is_empty_is_exported(site: HarborSite) -> None:
    site.do("POST", "/projects", {"project_name": "own", "metadata": {"reuse_sys_cve_allowlist": "false"}})
    data, _ = take_over(site)
    assert data["projects"]["own"] == {"cve_allowlist": {}}
    assert site.planned() == {}


def test_what_the_inventory_cannot_say_is_left_out_and_named(site: HarborSite) -> None:
    site.write(projects={"shop": {"retention": SHOP["retention"]}})
    site.applied()
    number = site.get("/projects/shop")["project_id"]
    odd = [{"kind": "project", "namespace": "shop", "access": [{"resource": "spaceship", "action": "launch"}]}]
    robot(site, "odd", permissions=odd)
    robot(site, "off", disable=True)
    site.do("POST", "/labels", {"name": "colourless", "scope": "p", "project_id": number})
    site.do("PUT", "/projects/shop", {"metadata": {"severity": "dire", "prevent_vul": "true"}})
    policy = site.get("/projects/shop")["metadata"]["retention_id"]
    held = site.get(f"/retentions/{policy}")
    two = held["rules"][0]["tag_selectors"] * 2
    site.do("PUT", f"/retentions/{policy}", {**held, "rules": [{**held["rules"][0], "tag_selectors": two}]})
    data, secrets = take_over(site)
    assert data["projects"]["shop"] == {}
    assert secrets == {}
    said = site("harbor", "export").stderr
    for key in ("retention: ", "robots.off: it is disabled", "robots.odd: ", "labels.colourless: ", "scan: "):
        assert f"left out: data.projects.shop.{key}" in said
    assert site.planned() == {}


def test_more_things_than_a_page_are_exported_whole(site: HarborSite) -> None:
    site.do("POST", "/projects", {"project_name": "many"})
    number = site.get("/projects/many")["project_id"]
    for at in range(105):
        site.do("POST", "/labels", {"name": f"l{at}", "color": "#FFFFFF", "scope": "p", "project_id": number})
    data, _ = take_over(site)
    assert len(data["projects"]["many"]["labels"]) == 105


def test_nothing_is_written_by_an_export(site: HarborSite) -> None:
    site.write(projects={"shop": SHOP})
    before = {path for path in site.folder.rglob("*")}
    site("harbor", "export")
    assert {line.partition(" ")[0] for line in site.asked} == {"GET"}
    assert {path for path in site.folder.rglob("*") if path.is_file()} <= before


def test_an_export_without_an_account_says_what_to_write(site: HarborSite) -> None:
    site.write(harbor={"managed": False})
    assert "data.harbor.account: it is missing" in site("harbor", "export", code=1).stderr


def test_a_password_that_harbor_refuses_is_told(site: HarborSite) -> None:
    site.write()
    site.secret("admin", "Wrong-Passw0rd1")
    said = site("harbor", "export", code=1).stderr
    assert "401" in said
    assert "data.harbor.account.user" in said


def test_an_export_is_text_or_json(site: HarborSite) -> None:
    site.write()
    assert "text or json, not junit" in site("harbor", "export", "--output", "junit", code=1).stderr
