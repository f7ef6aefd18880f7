"""Harbor's configuration as data, planned and applied on the stand-in: absent, wrong, right, twice, drift by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.harbor import HarborSite, harbor_site

PROJECTS = "/api/v2.0/projects"
SHOP: dict[str, Any] = {
    "public": False,
    "quota": "50 GiB",
    "scan": {"on_push": True, "block_from": "high"},
    "cve_allowlist": {"cves": ["CVE-2024-1234"], "expires": "2027-01-31"},
    "content_trust": {"cosign": True},
    "retention": {
        "schedule": "0 0 3 * * *",
        "rules": [
            {"keep": "latest_pushed", "count": 10},
            {"keep": "always", "repositories": "base/**", "tags": "v*", "untagged": False},
        ],
    },
    "immutable": [{"tags": "v*"}, {"except_repositories": "scratch/**", "tags": "stable"}],
    "members": {"dev1": "developer"},
    "webhooks": {"ci": {"address": "https://ci.corp.test/hook", "events": ["PUSH_ARTIFACT", "DELETE_ARTIFACT"]}},
    "labels": {"approved": {"color": "#00ab9a", "description": "passed the review"}},
    "robots": {"puller": {}},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        user = {"username": "dev1", "email": "dev1@corp.test", "realname": "Dev", "password": "Some-Passw0rd"}
        made.do("POST", "/users", user)
        made.do("POST", "/users", {**user, "username": "dev2", "email": "dev2@corp.test"})
        yield made


def number_of(site: HarborSite, project: str = "shop") -> int:
    return int(site.get(f"/projects/{project}")["project_id"])


IDS = {
    "project:shop",
    "quota:shop",
    "retention:shop",
    "immutable:shop: repositories **, tags v*",
    "immutable:shop: repositories except scratch/**, tags stable",
    "member:shop/dev1",
    "webhook:shop/ci",
    "label:shop/approved",
    "robot:shop+puller",
}


def test_a_project_is_made_with_everything_in_it_and_then_is_right(site: HarborSite) -> None:
    site.write(projects={"shop": SHOP})
    assert set(site.planned()) == IDS
    made = site("apply", "registry", "--yes").stdout
    assert (
        "scan.on_push: (none) -> true" in made
    )  # Harbor ignores the allow list at first, and moor needs no second try
    assert site.planned() == {}
    project = site.get("/projects/shop")
    assert project["metadata"]["auto_scan"] == "true"
    assert (project["metadata"]["prevent_vul"], project["metadata"]["severity"]) == ("true", "high")
    assert [item["cve_id"] for item in project["cve_allowlist"]["items"]] == ["CVE-2024-1234"]
    (quota,) = site.get("/quotas", reference="project", reference_id=str(number_of(site)))
    assert quota["hard"]["storage"] == 50 * 1024**3
    policy = site.get(f"/retentions/{project['metadata']['retention_id']}")
    assert policy["trigger"]["settings"]["cron"] == "0 0 3 * * *"
    assert [rule["template"] for rule in policy["rules"]] == ["latestPushedK", "always"]
    assert len(site.get("/projects/shop/immutabletagrules")) == 2
    assert {one["entity_name"]: one["role_id"] for one in site.get("/projects/shop/members")} == {"admin": 1, "dev1": 2}
    (webhook,) = site.get("/projects/shop/webhook/policies")
    assert webhook["targets"][0]["address"] == "https://ci.corp.test/hook"
    (label,) = site.get("/labels", scope="p", project_id=str(number_of(site)))
    assert label["color"] == "#00AB9A"


def test_what_is_wrong_is_shown_field_by_field_and_mended(site: HarborSite) -> None:
    site.write(projects={"shop": SHOP})
    site.applied()
    project, number = site.get("/projects/shop"), number_of(site)
    by_hand: list[tuple[str, str, str, object, str, str]] = [
        ("project:shop", "PUT", "/projects/shop", {"metadata": {"auto_scan": "false"}},
         "scan.on_push: false -> true", ""),
        ("project:shop", "PUT", "/projects/shop", {"cve_allowlist": {"items": []}},
         "cve_allowlist.cves: (empty) -> CVE-2024-1234", ""),
        ("quota:shop", "PUT", "/quotas/{quota}", {"hard": {"storage": -1}}, "quota: unlimited -> 50 GiB", ""),
        ("immutable:shop: repositories **, tags v*", "DELETE", "/projects/shop/immutabletagrules/{rule}", None,
         "enabled: (none) -> true", ""),
        ("member:shop/dev1", "PUT", "/projects/shop/members/{member}", {"role_id": 4},
         "role: maintainer -> developer", ""),
        ("webhook:shop/ci", "DELETE", "/projects/shop/webhook/policies/{webhook}", None,
         "address: (none) -> https://ci.corp.test/hook", ""),
        ("label:shop/approved", "PUT", "/labels/{label}",
         {"name": "approved", "color": "#FF0000", "scope": "p", "project_id": number}, "color: #FF0000 -> #00AB9A", ""),
    ]  # fmt: skip
    quota = site.get("/quotas", reference="project", reference_id=str(number))[0]["id"]
    for id, method, path, body, words, _ in by_hand:
        place = path.format(
            quota=quota,
            rule=next(iter([r["id"] for r in site.get("/projects/shop/immutabletagrules")
                            if r["tag_selectors"][0]["pattern"] == "v*"]), 0),
            member=next(m["id"] for m in site.get("/projects/shop/members") if m["entity_name"] == "dev1"),
            webhook=site.get("/projects/shop/webhook/policies")[0]["id"],
            label=site.get("/labels", scope="p", project_id=str(number))[0]["id"],
        )  # fmt: skip
        site.do(method, place, body)
        planned = site.planned()
        assert set(planned) == {id}
        assert words in planned[id]
        site.applied()
    assert project["metadata"]["retention_id"] == site.get("/projects/shop")["metadata"]["retention_id"]


def test_the_role_of_who_makes_a_project_is_set_too(site: HarborSite) -> None:
    site.write(projects={"shop": {"members": {"admin": "maintainer"}}})
    site.applied()
    assert {one["entity_name"]: one["role_id"] for one in site.get("/projects/shop/members")} == {"admin": 4}


def test_a_member_whose_role_harbor_does_not_know_is_told_with_its_remedy(site: HarborSite) -> None:
    site.write(projects={"shop": {"members": {"dev1": "developer"}}})
    site.applied()
    number = next(m["id"] for m in site.get("/projects/shop/members") if m["entity_name"] == "dev1")
    site.do("PUT", f"/projects/shop/members/{number}", {"role_id": 77})  # Harbor takes it, and hides the member
    assert site.planned() == {"member:shop/dev1": "role: (none) -> developer"}
    done = site("apply", "registry", "--yes", code=1)
    assert "Harbor has it as a member already and does not list it" in done.said
    assert "remove its row" in done.said


def test_a_retention_policy_that_was_deleted_by_hand_is_made_again(site: HarborSite) -> None:
    site.write(projects={"shop": {"retention": SHOP["retention"]}})
    site.applied()
    former = site.get("/projects/shop")["metadata"]["retention_id"]
    site.do("DELETE", f"/retentions/{former}")
    # Harbor keeps the number in the project's metadata, and answers 500 to it.
    assert site.get("/projects/shop")["metadata"]["retention_id"] == former
    assert set(site.planned()) == {"retention:shop"}
    site.applied()
    assert site.get("/projects/shop")["metadata"]["retention_id"] != former
    site.write(projects={"shop": {"retention": {}}})
    assert "-latest_pushed 10: repositories **, tags **" in site.planned()["retention:shop"]
    site.applied()


def test_a_proxy_cache_is_of_an_endpoint_that_is_there_and_stays_so(site: HarborSite) -> None:
    cache: dict[str, Any] = {"hub": {"public": True, "proxy_cache": {"registry": "docker-hub"}}}
    done = site.write(projects=cache)("apply", "registry", "--yes", code=1)
    assert "project:hub: Harbor has no registry endpoint docker-hub; write it below data.harbor_system" in done.said
    assert not [line for line in site.asked if line.startswith("POST")]
    endpoint = {"url": "http://127.0.0.1:9", "type": "docker-registry"}
    system = {"registries": {"docker-hub": endpoint, "other": endpoint}}
    site.write(projects=cache, harbor_system=system)
    assert set(site.planned()) == {"registry:docker-hub", "registry:other", "project:hub"}
    for name in system["registries"]:  # Harbor would try to reach them
        kept = {**endpoint, "insecure": False, "creation_time": "2026-01-01T00:00:00.000Z"}
        site.harbor.core.store.add("registry", name, {**kept, "update_time": kept["creation_time"]})
    site.applied()
    site.write(projects={"hub": {"public": True, "proxy_cache": {"registry": "other"}}}, harbor_system=system)
    done = site("plan", "registry", code=1)
    assert "project:hub: it is a proxy cache of docker-hub, and Harbor makes no proxy cache of other" in done.said
    site.write(projects={"hub": {"public": True, "proxy_cache": {"registry": "docker-hub", "speed_kbps": 9}}})
    assert "speed_kbps: Harbor has it since 2.9, and this one is v2.8.3" in site("plan", "registry", code=1).said


def test_what_is_not_written_is_left_alone(site: HarborSite) -> None:
    site.write(projects={"shop": SHOP})
    site.applied()
    site.write(projects={"shop": {}})
    assert site.planned() == {}


def test_prune_removes_what_is_unlisted_and_shows_what_is_lost(site: HarborSite) -> None:
    site.write(projects={"shop": SHOP})
    site.applied()
    site.do("POST", "/projects/shop/members", {"role_id": 3, "member_user": {"username": "dev2"}})
    site.write(projects={"shop": {"prune": ["labels", "robots"], "members": {"dev1": "developer"}}})
    planned = site.planned()
    assert set(planned) == {"label:shop/approved", "robot:shop+puller"}
    assert "description: passed the review -> (none)" in planned["label:shop/approved"]
    assert "access: pull -> (none)" in planned["robot:shop+puller"]
    assert "last use: " in planned["robot:shop+puller"]
    site.write(projects={"shop": {"prune": True, "members": {"dev1": "developer"}}})
    assert set(site.planned()) == (IDS - {"project:shop", "quota:shop", "member:shop/dev1"}) | {"member:shop/dev2"}
    site.applied()
    assert {one["entity_name"] for one in site.get("/projects/shop/members")} == {"admin", "dev1"}
    assert site.get("/projects/shop/webhook/policies") == []
    assert site.get("/projects/shop/immutabletagrules") == []


def test_unlisted_projects_go_when_prune_says_so(site: HarborSite) -> None:
    for name in ("old", "older"):
        site.do("POST", "/projects", {"project_name": name, "metadata": {"public": "false"}})
    site.write(projects={"shop": {}})
    assert set(site.planned()) == {"project:shop"}
    site.write(projects={"shop": {}}, harbor_system={"prune": ["projects"]})
    planned = site.planned()
    assert set(planned) == {"project:shop", "project:old", "project:older", "project:library"}
    assert "repositories: 0 -> (none)" in planned["project:old"]
    site.applied()
    assert [one["name"] for one in site.get("/projects")] == ["shop"]


def test_prune_of_projects_is_refused_where_no_project_is_listed(site: HarborSite) -> None:
    site.write(harbor_system={"prune": ["projects", "with_content"]})
    done = site("apply", "registry", "--yes", code=1)
    assert "data.harbor_system.prune: projects would have every project removed" in done.stderr
    assert site.asked == []


def test_the_header_of_a_webhook_is_a_secret(site: HarborSite) -> None:
    word = "Bearer s3cret-of-the-hook"
    hook = {**SHOP["webhooks"]["ci"], "auth": site.secret("hook", word)}
    site.write(projects={"shop": {"webhooks": {"ci": hook}}})
    assert "auth: (none) -> ***" in site.planned()["webhook:shop/ci"]
    site.applied()
    assert site.get("/projects/shop/webhook/policies")[0]["targets"][0]["auth_header"] == word
    site.secret("hook", "Bearer another-one")
    assert site.planned() == {"webhook:shop/ci": "auth: *** -> ***"}
    site.applied()
    site.write(projects={"shop": {"webhooks": {"ci": SHOP["webhooks"]["ci"]}}})
    assert site.planned() == {"webhook:shop/ci": "auth: a header -> none"}
    said = "".join(site.said)
    assert "s3cret-of" not in said
    assert "another-one" not in said


def test_a_setting_of_a_later_release_is_refused_before_anything_is_sent(site: HarborSite) -> None:
    site.write(projects={"shop": {"scan": {"sbom_on_push": True, "on_push": True}}})
    for words in (("plan", "registry"), ("apply", "registry", "--yes")):
        done = site(*words, code=1)
        assert "data.projects.shop.scan.sbom_on_push: Harbor has it since 2.11, and this one is v2.8.3" in done.said
    assert not [line for line in site.asked if line.startswith(("POST", "PUT", "DELETE"))]


def test_bad_values_are_all_refused_at_once_before_any_call(site: HarborSite) -> None:
    bad: dict[str, Any] = {
        "quota": "5 GB",
        "scan": {"block_from": "awful"},
        "retention": {"schedule": "0 3 * * *", "rules": [{"keep": "latest_pushed"}]},
        "immutable": [{"tags": "v*", "except_tags": "x"}],
        "members": {"dev1": "boss"},
        "groups": {"g": {"role": "guest", "ldap_dn": "developers"}},
        "webhooks": {"ci": {"address": "https://me:word@ci.test", "events": ["PUSH"]}},
        "labels": {"x": {"color": "green"}},
        "cve_allowlist": {"system": True, "cves": ["CVE-1"]},
        "prune": ["robot"],
    }
    done = site.write(projects={"shop": bad})("plan", "registry", code=1)
    for key in (
        "quota", "scan.block_from", "retention.schedule", "retention.rules.0.count", "immutable.0.except_tags",
        "members.dev1", "groups.g.ldap_dn", "webhooks.ci.address", "webhooks.ci.events.0", "labels.x.color",
        "cve_allowlist.cves.0", "prune.0",
    ):  # fmt: skip
        assert f"data.projects.shop.{key}: " in done.stderr, (key, done.stderr)
    assert "word@" not in done.stderr
    assert site.asked == []


def test_lists_of_more_than_a_hundred_are_read_whole_and_once(site: HarborSite) -> None:
    for at in range(130):
        site.do("POST", "/projects", {"project_name": f"p{at:03}", "metadata": {"public": "false"}})
    number = number_of(site, "p000")
    for at in range(105):
        site.do("POST", "/labels", {"name": f"l{at}", "color": "#FFFFFF", "scope": "p", "project_id": number})
    labels: dict[str, Any] = {f"l{at}": {} for at in range(105)}
    wanted: dict[str, Any] = {f"p{at:03}": {"quota": "unlimited"} for at in range(130)}
    wanted["p000"] = {**wanted["p000"], "labels": labels}
    site.write(projects=wanted)
    site.asked.clear()
    assert site.planned() == {}
    lists = [line for line in site.asked if "/projects?" in line or "/quotas?" in line or "/labels?" in line]
    assert len(lists) == len(site.asked) == 6


def test_a_plan_asks_at_most_eight_requests_a_project(site: HarborSite) -> None:
    robots: dict[str, Any] = {f"r{at}": {"access": ["pull"]} for at in range(3)}
    site.write(projects={f"p{at}": {**SHOP, "robots": robots} for at in range(3)})
    site.applied()
    site.asked.clear()
    assert site.planned() == {}
    assert len(site.asked) <= 8 * 3


def test_a_robot_has_exactly_the_rights_that_are_written(site: HarborSite) -> None:
    site.write(projects={"shop": {"robots": {"ci": {"access": ["push", "pull", "artifact:list", "tag:create"]}}}})
    site.applied()
    (robot,) = site.get("/robots", q=f"Level=project,ProjectID={number_of(site)}")
    (grant,) = robot["permissions"]
    assert {f"{one['resource']}:{one['action']}" for one in grant["access"]} == {
        "repository:pull", "repository:push", "artifact:list", "tag:create",
    }  # fmt: skip
    site.write(projects={"shop": {"robots": {"ci": {"access": ["pull"]}}}})
    assert site.planned() == {"robot:shop+ci": "access: artifact:list pull push tag:create -> pull"}
    done = site.write(projects={"shop": {"robots": {"ci": {"access": ["tag:fly"]}}}})("plan", "registry", code=1)
    assert "data.projects.shop.robots.ci.access: tag:fly: the actions on tag are create, delete, list" in done.stderr


def test_a_password_that_somebody_changed_is_noticed(site: HarborSite) -> None:
    site.write(projects={"shop": {"robots": {"puller": {}}}})
    site.applied()
    logins = [line for line in site.asked if line == "GET /v2/"]
    assert site.planned() == {}
    assert [line for line in site.asked if line == "GET /v2/"] == logins
    (robot,) = site.get("/robots", q=f"Level=project,ProjectID={number_of(site)}")
    site.do("PATCH", f"/robots/{robot['id']}", {"secret": "An0therPassword"})
    assert site.planned() == {"robot:shop+puller": "login: refused -> accepted"}
    site.applied()


def test_an_account_that_may_not_is_told_so(site: HarborSite) -> None:
    site.do("POST", "/projects", {"project_name": "shop", "metadata": {"public": "false"}})
    site.write(projects={"shop": {"quota": "1 GiB"}})
    account = {"managed": False, "account": {"user": "dev1", "password": site.secret("dev1", "Some-Passw0rd")}}
    site.write(projects={"shop": {"quota": "1 GiB"}}, harbor=account)
    done = site("plan", "registry", code=1)
    assert "403" in done.said
