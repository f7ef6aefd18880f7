"""What the stand-in knows of a project's things beside the recorded exchanges, as Harbor's own source has it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from moor_lab.harbor.core.immutability import is_immutable
from moor_lab.harbor.core.selectors import pattern
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, serve

Body = dict[str, Any]
DEMO = "/api/v2.0/projects/demo"
ALL_TAGS = {"kind": "doublestar", "decoration": "matches", "pattern": "**"}
ALL_REPOSITORIES = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path) as served:
        yield served


@pytest.fixture
def api(served: Served) -> Iterator[httpx.Client]:
    """Yield an administrator's client, with a private project ``demo``."""
    with httpx.Client(base_url=served.url, auth=("admin", ADMIN_PASSWORD)) as client:
        assert client.post("/api/v2.0/projects", json={"project_name": "demo"}).status_code == 201
        yield client


def project(api: httpx.Client, name: str = "demo") -> Body:
    return dict(api.get(f"/api/v2.0/projects/{name}").json())


def keep(template: str, **params: int) -> Body:
    """Return a rule of retention for everything."""
    rule = {"action": "retain", "template": template, "params": params}
    return rule | {"tag_selectors": [ALL_TAGS], "scope_selectors": ALL_REPOSITORIES}


def policy(api: httpx.Client, *rules: Body, cron: str = "", name: str = "demo") -> Body:
    return {
        "algorithm": "or",
        "rules": list(rules),
        "scope": {"level": "project", "ref": project(api, name)["project_id"]},
        "trigger": {"kind": "Schedule", "settings": {"cron": cron}, "references": {}},
    }


def made(answer: httpx.Response) -> str:
    """Return the address of what was created."""
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def message(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["message"])


def test_metadata_of_no_known_name_is_dropped_with_200(api: httpx.Client) -> None:
    assert api.put(DEMO, json={"metadata": {"auto_scan": "true", "colour": "blue"}}).status_code == 200
    assert project(api)["metadata"] == {"auto_scan": "true", "public": "false"}


@pytest.mark.parametrize("sent", [{"colour": "blue"}, {"public": "perhaps"}, {"severity": "dire"}, {}])
def test_metadata_that_are_added_one_by_one_are_checked(api: httpx.Client, sent: Body) -> None:
    assert api.post(f"{DEMO}/metadatas", json=sent).status_code == 400


def test_a_project_names_no_policy_of_retention_but_its_own(api: httpx.Client) -> None:
    assert api.put(DEMO, json={"metadata": {"retention_id": "7"}}).status_code == 400
    number = made(api.post("/api/v2.0/retentions", json=policy(api))).rpartition("/")[2]
    assert api.put(DEMO, json={"metadata": {"retention_id": number}}).status_code == 200


def test_the_allowed_vulnerabilities_are_replaced_as_a_whole(api: httpx.Client) -> None:
    api.put(DEMO, json={"cve_allowlist": {"items": [{"cve_id": "CVE-2024-3094"}], "expires_at": 1900000000}})
    assert project(api)["cve_allowlist"]["expires_at"] == 1900000000
    api.put(DEMO, json={"cve_allowlist": {"items": [{"cve_id": "CVE-2021-44228"}]}})
    found = project(api)["cve_allowlist"]
    assert found["items"] == [{"cve_id": "CVE-2021-44228"}]
    assert "expires_at" not in found


def test_the_rules_of_a_policy_are_numbered_but_for_the_first(api: httpx.Client) -> None:
    place = made(api.post("/api/v2.0/retentions", json=policy(api, keep("always"), keep("latestPushedK", n=2))))
    first, second = api.get(place).json()["rules"]
    assert "id" not in first
    assert "params" not in first
    assert (second["id"], second["params"]) == (1, {"n": 2})


def test_a_policy_shows_its_next_time_only_with_a_schedule(api: httpx.Client) -> None:
    place = made(api.post("/api/v2.0/retentions", json=policy(api, cron="0 30 1 * * *")))
    assert set(api.get(place).json()["trigger"]["settings"]) == {"cron", "next_scheduled_time"}
    assert api.put(place, json=policy(api, cron="")).status_code == 200
    assert api.get(place).json()["trigger"]["settings"] == {"cron": ""}


def test_a_policy_takes_no_two_rules_that_are_equal_and_no_more_than_15(api: httpx.Client) -> None:
    twice = api.post("/api/v2.0/retentions", json=policy(api, keep("always"), keep("always")))
    assert (twice.status_code, message(twice)) == (409, "conflict: rule 1 is conflict with rule 0")
    many = [keep("latestPushedK", latestPushedK=count) for count in range(16)]
    assert api.post("/api/v2.0/retentions", json=policy(api, *many)).status_code == 400


def test_a_deleted_policy_blocks_its_project_until_the_metadata_forget_it(api: httpx.Client) -> None:
    place = made(api.post("/api/v2.0/retentions", json=policy(api)))
    assert api.delete(place).status_code == 200
    assert api.get(place).status_code == 500
    assert api.put(place, json=policy(api)).status_code == 500
    assert api.post("/api/v2.0/retentions", json=policy(api)).status_code == 400
    assert api.delete(f"{DEMO}/metadatas/retention_id").status_code == 200
    assert made(api.post("/api/v2.0/retentions", json=policy(api))) != place


def test_a_policy_is_changed_only_where_its_project_names_it(api: httpx.Client) -> None:
    api.post("/api/v2.0/projects", json={"project_name": "other"})
    place = made(api.post("/api/v2.0/retentions", json=policy(api)))
    assert api.put(place, json=policy(api, name="other")).status_code == 404


def test_a_run_that_would_delete_is_not_done_and_says_so(api: httpx.Client) -> None:
    place = made(api.post("/api/v2.0/retentions", json=policy(api)))
    refused = api.post(f"{place}/executions", json={"dry_run": False})
    assert refused.status_code == 501
    assert "stand-in" in message(refused)


def test_a_proxy_cache_comes_with_a_policy_that_keeps_what_was_pulled_in_a_week(
    api: httpx.Client, served: Served
) -> None:
    upstream = served.core.store.add("registry", "hub", {"type": "docker-hub"})
    sent = {"project_name": "cache", "registry_id": upstream.id}
    made(api.post("/api/v2.0/projects", json=sent))
    found = project(api, "cache")
    assert found["registry_id"] == upstream.id
    [rule] = api.get(f"/api/v2.0/retentions/{found['metadata']['retention_id']}").json()["rules"]
    assert (rule["template"], rule["params"]) == ("nDaysSinceLastPull", {"nDaysSinceLastPull": 7})


@pytest.mark.parametrize(("number", "status"), [(0, 400), (404, 500)])
def test_a_proxy_cache_of_no_known_registry_is_refused(api: httpx.Client, number: int, status: int) -> None:
    sent = {"project_name": "cache", "registry_id": number}
    assert api.post("/api/v2.0/projects", json=sent).status_code == status


def immutable(tags: str, **changes: object) -> Body:
    rule: Body = {"action": "immutable", "template": "immutable_template", "scope_selectors": ALL_REPOSITORIES}
    return rule | {"tag_selectors": [ALL_TAGS | {"pattern": tags}]} | changes


def test_an_update_that_disables_a_rule_changes_nothing_else(api: httpx.Client) -> None:
    place = made(api.post(f"{DEMO}/immutabletagrules", json=immutable("v*")))
    number = int(place.rpartition("/")[2])
    assert api.put(place, json=immutable("rel-*", id=number, disabled=True)).status_code == 200
    [rule] = api.get(f"{DEMO}/immutabletagrules").json()
    assert (rule["disabled"], rule["tag_selectors"][0]["pattern"]) == (True, "v*")
    assert api.put(place, json=immutable("rel-*", id=number, disabled=True)).status_code == 200
    assert api.get(f"{DEMO}/immutabletagrules").json()[0]["tag_selectors"][0]["pattern"] == "rel-*"


def test_an_update_of_a_rule_names_it_in_its_body_too(api: httpx.Client) -> None:
    place = made(api.post(f"{DEMO}/immutabletagrules", json=immutable("v*")))
    assert api.put(place, json=immutable("rel-*")).status_code == 400


def test_a_tag_is_immutable_while_an_enabled_rule_matches_it_and_its_repository(
    api: httpx.Client, served: Served
) -> None:
    scope = {"repository": [ALL_REPOSITORIES["repository"][0] | {"pattern": "web/**", "decoration": "repoExcludes"}]}
    place = made(api.post(f"{DEMO}/immutabletagrules", json=immutable("v*", scope_selectors=scope)))
    store = served.core.store
    demo = store.find("project", "demo")
    assert demo is not None
    assert is_immutable(store, demo, "api", "v1")
    assert not is_immutable(store, demo, "web/shop", "v1")
    assert not is_immutable(store, demo, "api", "latest")
    number = int(place.rpartition("/")[2])
    api.put(place, json=immutable("v*", id=number, disabled=True))
    assert not is_immutable(store, demo, "api", "v1")


@pytest.mark.parametrize(
    ("text", "name", "matches"),
    [
        ("**", "team/app", True),
        ("*", "team/app", False),
        ("team/*", "team/app", True),
        ("team/*", "team/app/web", False),
        ("team/**", "team/app/web", True),
        ("**/web", "web", True),
        ("**/web", "team/app/web", True),
        ("{dev,test}-*", "test-3", True),
        ("{dev,test}-*", "prod-3", False),
        ("1.?", "1.2", True),
        ("1.?", "1x2", False),
        ("1.*", "10", False),
    ],
)
def test_a_pattern_matches_as_doublestar_does(text: str, name: str, matches: bool) -> None:
    assert bool(pattern(text).fullmatch(name)) == matches


HOOK = {
    "name": "ci",
    "enabled": True,
    "event_types": ["PUSH_ARTIFACT"],
    "targets": [{"type": "http", "address": "https://ci.moor.test/hook", "auth_header": "Token of-the-hook"}],
}


def test_a_webhook_shows_its_header_and_an_update_without_it_loses_it(api: httpx.Client) -> None:
    place = made(api.post(f"{DEMO}/webhook/policies", json=HOOK))
    [target] = api.get(place).json()["targets"]
    assert (target["auth_header"], target["payload_format"]) == ("Token of-the-hook", "Default")
    bare = HOOK | {"targets": [{"type": "http", "address": "https://ci.moor.test/hook"}]}
    assert api.put(place, json=bare).status_code == 200
    assert "auth_header" not in api.get(place).json()["targets"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_types": []},
        {"event_types": ["PUSHED"]},
        {"targets": []},
        {"targets": [{"type": "pager", "address": "https://ci.moor.test"}]},
        {"targets": [{"type": "slack", "address": "https://ci.moor.test", "payload_format": "Default"}]},
        {"targets": [{"type": "http", "address": "https://ci.moor.test", "payload_format": "XML"}]},
    ],
)
def test_a_webhook_that_harbor_refuses_is_refused(api: httpx.Client, changes: Body) -> None:
    assert api.post(f"{DEMO}/webhook/policies", json=HOOK | changes).status_code == 400


def test_a_webhook_of_another_project_is_not_found(api: httpx.Client) -> None:
    api.post("/api/v2.0/projects", json={"project_name": "other"})
    number = made(api.post(f"{DEMO}/webhook/policies", json=HOOK)).rpartition("/")[2]
    assert api.get(f"/api/v2.0/projects/other/webhook/policies/{number}").status_code == 404


def test_a_group_is_a_member_by_its_number(api: httpx.Client) -> None:
    made(api.post("/api/v2.0/usergroups", json={"group_name": "builders", "group_type": 3}))
    [group] = api.get("/api/v2.0/usergroups").json()
    assert group == {"id": 1, "group_name": "builders", "group_type": 3}
    place = made(api.post(f"{DEMO}/members", json={"role_id": 4, "member_group": {"id": group["id"]}}))
    found = api.get(place).json()
    assert (found["entity_type"], found["entity_name"], found["role_name"]) == ("g", "builders", "maintainer")


def test_a_group_that_nobody_knows_is_no_member_without_an_identity_provider(api: httpx.Client) -> None:
    sent = {"role_id": 4, "member_group": {"group_name": "builders", "group_type": 3}}
    refused = api.post(f"{DEMO}/members", json=sent)
    assert (refused.status_code, message(refused)) == (404, "builders not found: not supported")


def test_a_deleted_group_is_no_member_any_more(api: httpx.Client) -> None:
    place = made(api.post("/api/v2.0/usergroups", json={"group_name": "builders", "group_type": 3}))
    made(api.post(f"{DEMO}/members", json={"role_id": 4, "member_group": {"group_name": "builders"}}))
    assert api.delete(place).status_code == 200
    assert [one["entity_name"] for one in api.get(f"{DEMO}/members").json()] == ["admin"]


def test_a_project_takes_its_things_with_it(api: httpx.Client) -> None:
    hook = made(api.post(f"{DEMO}/webhook/policies", json=HOOK)).rpartition("/")[2]
    kept = made(api.post("/api/v2.0/retentions", json=policy(api)))
    assert api.delete(DEMO).status_code == 200
    api.post("/api/v2.0/projects", json={"project_name": "demo"})
    assert api.get(f"{DEMO}/webhook/policies").json() == []
    assert api.get(f"{DEMO}/webhook/policies/{hook}").status_code == 404
    assert api.get(kept).status_code == 500


def test_without_a_scanner_a_project_answers_200_and_nothing(api: httpx.Client) -> None:
    answer = api.get(f"{DEMO}/scanner")
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.put(f"{DEMO}/scanner", json={"uuid": "none"}).status_code == 404


def test_a_project_has_the_default_scanner_until_it_is_given_its_own(api: httpx.Client, served: Served) -> None:
    for name, default in (("first", True), ("second", False)):
        body = {"uuid": f"id-of-{name}", "name": name, "is_default": default, "access_credential": ""}
        served.core.store.add("scanner", name, body)
    assert [one["name"] for one in api.get(f"{DEMO}/scanner/candidates").json()] == ["first", "second"]
    assert api.get(f"{DEMO}/scanner").json()["name"] == "first"
    assert api.put(f"{DEMO}/scanner", json={"uuid": "id-of-second"}).status_code == 200
    assert api.get(f"{DEMO}/scanner").json()["name"] == "second"


def test_a_list_beyond_its_page_names_the_next_one(api: httpx.Client) -> None:
    number = project(api)["project_id"]
    for count in range(205):
        made(api.post("/api/v2.0/labels", json={"name": f"l{count}", "scope": "p", "project_id": number}))
    seen: list[str] = []
    place: str | None = f"/api/v2.0/labels?scope=p&project_id={number}&page_size=100"
    while place:
        answer = api.get(place)
        assert answer.headers["X-Total-Count"] == "205"
        seen += [one["name"] for one in answer.json()]
        place = answer.links.get("next", {}).get("url")
    assert sorted(seen) == sorted(f"l{count}" for count in range(205))
