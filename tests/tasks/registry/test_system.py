"""Harbor's system as data, planned and applied on the stand-in: absent, wrong, right, twice, drift by hand."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.harbor import HarborSite, harbor_site
from tests.harness.servers import free_port
from tests.lab_harbor.standin import ADMIN_PASSWORD
from tests.lab_harbor.test_system import describing

DAILY, WEEKLY = "0 0 0 * * *", "0 0 0 * * 0"
ADAPTER = {"scanner": {"name": "Any"}}
SETTINGS: dict[str, Any] = {
    "project_creation": "adminonly",
    "session_timeout_minutes": 30,
    "token_minutes": 45,
    "robot_days": 90,
    "webhooks": False,
    "project_quotas": True,
    "default_quota": "50 GiB",
    "scans_keep_pull_time": True,
}
SCHEDULES: dict[str, Any] = {
    "gc": {"schedule": "weekly", "delete_untagged": True},
    "purge_audit": {"schedule": "0 30 2 * * *", "keep_hours": 240, "operations": ["pull", "create"]},
    "cve_allowlist": {"cves": ["CVE-2024-3094"], "expires": "2030-01-31"},
    "robots": {"ci": {"projects": {"*": ["pull", "artifact:list"]}, "duration_days": 30}},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[HarborSite]:
    with harbor_site(tmp_path) as made:
        yield made


@contextmanager
def listening() -> Iterator[int]:
    """Take connections on a port, and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def user(site: HarborSite, **changes: object) -> dict[str, Any]:
    password = site.secret("dev", "First-Passw0rd")
    return {"email": "dev@corp.test", "realname": "Dev One", "password": password, **changes}


def value_of(site: HarborSite, name: str) -> Any:
    return site.get("/configurations")[name]["value"]


def test_the_system_is_set_and_then_is_right(site: HarborSite) -> None:
    site.write(harbor_system={"settings": SETTINGS, **SCHEDULES})
    assert set(site.planned()) == {
        "setting:general",
        "schedule:gc",
        "schedule:purge-audit",
        "cve-allowlist:system",
        "system-robot:ci",
    }
    site.applied()
    assert value_of(site, "project_creation_restriction") == "adminonly"
    assert value_of(site, "storage_per_project") == 50 * 1024**3
    gc, purge = site.get("/system/gc/schedule"), site.get("/system/purgeaudit/schedule")
    assert (gc["schedule"]["type"], gc["schedule"]["cron"]) == ("Weekly", WEEKLY)
    assert gc["job_parameters"] == '{"delete_untagged":true}'
    assert (purge["schedule"]["type"], purge["schedule"]["cron"]) == ("Custom", "0 30 2 * * *")
    assert purge["job_parameters"] == '{"audit_retention_hour":240,"include_operations":"create,pull"}'
    assert site.get("/system/CVEAllowlist")["expires_at"] == 1896134399
    (robot,) = site.get("/robots")
    assert (robot["name"], robot["level"], robot["duration"]) == ("robot$ci", "system", 30)


def test_what_is_wrong_is_shown_field_by_field_and_mended(site: HarborSite) -> None:
    site.write(harbor_system={"settings": SETTINGS, **SCHEDULES})
    site.applied()
    by_hand: list[tuple[str, str, object, str, str]] = [
        ("PUT", "/configurations", {"session_timeout": 60}, "setting:general", "session_timeout_minutes: 60 -> 30"),
        (
            "PUT",
            "/configurations",
            {"storage_per_project": -1},
            "setting:general",
            "default_quota: unlimited -> 50 GiB",
        ),
        ("PUT", "/system/gc/schedule", {"schedule": {"type": "None"}}, "schedule:gc", f"schedule: none -> {WEEKLY}"),
        (
            "PUT",
            "/system/gc/schedule",
            {"schedule": {"type": "Weekly", "cron": WEEKLY}, "parameters": {"delete_untagged": False}},
            "schedule:gc",
            "delete_untagged: false -> true",
        ),
        ("PUT", "/system/CVEAllowlist", {"items": []}, "cve-allowlist:system", "cves: (empty) -> CVE-2024-3094"),
        ("DELETE", "/robots/1", None, "system-robot:ci", "rights: (none) -> *: artifact:list pull"),
    ]
    for method, path, body, thing, words in by_hand:
        site.do(method, path, body)
        planned = site.planned()
        assert set(planned) == {thing}
        assert words in planned[thing]
        site.applied()


def test_what_is_not_written_is_left_alone(site: HarborSite) -> None:
    site.write(harbor_system={"settings": SETTINGS, **SCHEDULES})
    site.applied()
    site.write(harbor_system={"settings": {"webhooks": False}})
    site.asked.clear()
    assert site.planned() == {}
    assert site.asked == ["GET /api/v2.0/configurations"]


def test_a_schedule_of_none_is_taken_away(site: HarborSite) -> None:
    site.write(harbor_system=SCHEDULES)
    site.applied()
    site.write(harbor_system={"gc": {"schedule": "none"}, "purge_audit": {"schedule": "none"}})
    assert site.planned() == {
        "schedule:gc": f"schedule: {WEEKLY} -> none",
        "schedule:purge-audit": "schedule: 0 30 2 * * * -> none",
    }
    site.applied()


def test_the_plan_says_that_another_prefix_breaks_logins(site: HarborSite) -> None:
    site.write(harbor_system={"robots": SCHEDULES["robots"]})
    site.applied()
    site.write(harbor_system={"settings": {"robot_prefix": "bot_"}, "robots": SCHEDULES["robots"]})
    planned = site.planned()
    assert planned["setting:general"].startswith("robot_prefix: robot$ -> bot_ (every robot has another login name")
    site.applied()
    assert [one["name"] for one in site.get("/robots")] == ["bot_ci"]


def test_read_only_comes_after_everything_and_is_lifted_before(site: HarborSite) -> None:
    site.do("POST", "/projects", {"project_name": "old", "metadata": {"public": "false"}})
    site.write(projects={"shop": {}}, harbor_system={"read_only": True, "prune": ["projects"], "gc": SCHEDULES["gc"]})
    site.applied()
    assert value_of(site, "read_only") is True
    assert [one["name"] for one in site.get("/projects")] == ["shop"]
    site.write(projects={"shop": {}, "late": {}}, harbor_system={"read_only": False, "gc": {"schedule": "daily"}})
    assert site.planned()["setting:read-only"] == "read_only: true -> false"
    site.applied()
    assert sorted(one["name"] for one in site.get("/projects")) == ["late", "shop"]


def test_logins_by_ldap_are_tried_by_harbor_and_their_password_is_a_secret(site: HarborSite) -> None:
    word = "Bind-Passw0rd-1"
    closed = f"ldap://127.0.0.1:{free_port()}"
    ldap = {"url": closed, "base_dn": "dc=corp,dc=test", "search_dn": "cn=moor,dc=corp,dc=test", "uid": "uid"}
    ldap["search_password"] = site.secret("ldap", word)
    site.write(harbor_system={"auth": {"mode": "ldap", "ldap": ldap}})
    done = site("apply", "registry", "--yes", code=1)
    assert f"Harbor cannot use {closed}: error: ldap server network timeout; nothing was written" in done.said
    assert value_of(site, "auth_mode") == "db_auth"
    with listening() as port:
        ldap["url"] = f"ldap://127.0.0.1:{port}"
        site.write(harbor_system={"auth": {"mode": "ldap", "ldap": ldap}})
        planned = site.planned()["setting:auth"]
        assert "mode: database -> ldap" in planned
        assert "ldap.search_password: *** -> ***" in planned
        site.applied()
        assert (value_of(site, "auth_mode"), value_of(site, "ldap_uid")) == ("ldap_auth", "uid")
        site.do("PUT", "/configurations", {"ldap_scope": 0})
        assert site.planned() == {"setting:auth": "ldap.scope: base -> subtree"}
        site.secret("ldap", "Bind-Passw0rd-2")
        assert "ldap.search_password: *** -> ***" in site.planned()["setting:auth"]
        site.applied()
    assert "Bind-Passw0rd" not in "".join(site.said)


def test_logins_by_oidc_are_tried_by_harbor(site: HarborSite) -> None:
    tried = {"issuer": ""}
    with describing("/.well-known/openid-configuration", tried) as url:
        oidc: dict[str, Any] = {
            "scope": ["openid", "email"],
            "name": "sso",
            "endpoint": url,
            "client_id": "harbor",
            "client_secret": site.secret("oidc", "S3cret-of-it"),
        }
        site.write(harbor_system={"auth": {"mode": "oidc", "oidc": oidc}})
        assert (
            "it must be the issuer exactly as the provider names itself"
            in site("apply", "registry", "--yes", code=1).said
        )
        tried["issuer"] = url
        site.applied()
    assert (value_of(site, "auth_mode"), value_of(site, "oidc_scope")) == ("oidc_auth", "openid,email")
    assert "S3cret-of-it" not in "".join(site.said)


def test_another_auth_mode_is_refused_once_there_are_users(site: HarborSite) -> None:
    site.write(harbor_system={"users": {"dev": user(site)}})
    site.applied()
    with listening() as port:
        ldap = {"url": f"ldap://127.0.0.1:{port}", "base_dn": "dc=corp,dc=test"}
        site.write(harbor_system={"auth": {"mode": "ldap", "ldap": ldap}, "gc": SCHEDULES["gc"]})
        site.asked.clear()
        for words in (("plan", "registry"), ("apply", "registry", "--yes")):
            assert "auth.mode: Harbor keeps database once it has users (dev)" in site(*words, code=1).said
    assert not [line for line in site.asked if not line.startswith("GET")]


def test_users_are_made_changed_and_removed(site: HarborSite) -> None:
    site.write(harbor_system={"users": {"dev": user(site, administrator=True)}})
    assert "password: (none) -> ***" in site.planned()["user:dev"]
    site.applied()
    (made,) = site.get("/users")
    assert (made["username"], made["email"], made["sysadmin_flag"]) == ("dev", "dev@corp.test", True)
    assert logs_in(site, "dev", "First-Passw0rd")
    site.do("PUT", f"/users/{made['user_id']}", {"email": "dev@corp.test", "realname": "By Hand"})
    site.do("PUT", f"/users/{made['user_id']}/sysadmin", {"sysadmin_flag": False})
    assert set(site.planned()["user:dev"].splitlines()) == {
        "administrator: false -> true",
        "realname: By Hand -> Dev One",
    }
    site.applied()
    site.secret("dev", "Second-Passw0rd")
    assert site.planned() == {"user:dev": "password: *** -> ***"}
    site.applied()
    assert logs_in(site, "dev", "Second-Passw0rd")
    site.write(harbor_system={"prune": ["users"]})
    assert "email: dev@corp.test -> (none)" in site.planned()["user:dev"]
    site.applied()
    assert site.get("/users") == []
    assert "Passw0rd" not in "".join(site.said)


def logs_in(site: HarborSite, name: str, password: str) -> bool:
    answer = site.api.get("/api/v2.0/users/current", auth=(name, password))
    return bool(answer.status_code == 200)


def test_a_user_that_was_there_keeps_its_password(site: HarborSite) -> None:
    by_hand = {"username": "dev", "email": "dev@corp.test", "realname": "Dev One", "password": "Of-Hers-4lone"}
    site.do("POST", "/users", by_hand)
    site.write(harbor_system={"users": {"dev": user(site)}})
    assert site.planned() == {}
    site.write(harbor_system={"users": {"dev": user(site, administrator=True)}})
    assert site.planned() == {"user:dev": "administrator: false -> true"}
    site.applied()
    assert logs_in(site, "dev", "Of-Hers-4lone")


def test_scanners_and_what_they_scan(site: HarborSite) -> None:
    with describing("/api/v1/metadata", ADAPTER) as one, describing("/api/v1/metadata", ADAPTER) as other:
        scanners = {
            "first": {"url": f"{one}/"},
            "second": {"url": other, "auth": "bearer", "credential": site.secret("scan", "Adapter-T0ken")},
        }
        wanted = {"scanners": scanners, "default_scanner": "second", "scan_all": {"schedule": "daily"}}
        site.write(harbor_system=wanted)
        assert set(site.planned()) == {
            "scanner:first",
            "scanner:second",
            "setting:default-scanner",
            "schedule:scan-all",
        }
        site.applied()
        found = {one["name"]: one for one in site.get("/scanners")}
        assert (found["first"]["is_default"], found["second"]["is_default"]) == (False, True)
        assert site.get("/system/scanAll/schedule")["schedule"]["cron"] == DAILY
        site.secret("scan", "Adapter-T0ken-2")
        assert site.planned() == {"scanner:second": "credential: *** -> ***"}
        site.do("PATCH", f"/scanners/{found['first']['uuid']}", {"is_default": True})
        assert site.planned()["setting:default-scanner"] == "scanner: first -> second"
        site.applied()
        site.write(harbor_system={"scanners": {"second": scanners["second"]}, "prune": ["scanners"]})
        assert set(site.planned()) == {"scanner:first"}
        site.applied()
    assert [one["name"] for one in site.get("/scanners")] == ["second"]
    assert "Adapter-T0ken" not in "".join(site.said)


def test_a_scanner_that_does_not_answer_harbor_is_told(site: HarborSite) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    site.write(harbor_system={"scanners": {"gone": {"url": url}}})
    assert f"does its adapter answer at {url} from Harbor's host" in site("apply", "registry", "--yes", code=1).said


def test_scans_without_a_scanner_are_refused_before_anything_is_written(site: HarborSite) -> None:
    site.write(harbor_system={"scan_all": {"schedule": "daily"}, "gc": SCHEDULES["gc"]})
    for words in (("plan", "registry"), ("apply", "registry", "--yes")):
        assert "Harbor has no scanner, so that nothing can be scanned" in site(*words, code=1).said
    assert site.api.get("/api/v2.0/system/gc/schedule").content == b""
    site.write(harbor_system={"scan_all": {"schedule": "none"}})
    assert site.planned() == {}


def test_a_robot_of_the_system_logs_in_and_is_kept_in_force(site: HarborSite) -> None:
    robots = {"ci": {"projects": {"*": ["pull"]}, "duration_days": 30, "secret": site.secret("ci", "Robot-Passw0rd")}}
    site.write(harbor_system={"robots": robots})
    site.applied()
    assert site.api.get("/v2/", auth=("robot$ci", "Robot-Passw0rd")).status_code == 200
    site.api.cookies.clear()  # with one, Harbor refuses writes
    (robot,) = site.get("/robots")
    site.do("PUT", f"/robots/{robot['id']}", {**robot, "disable": True})
    assert site.planned()["system-robot:ci"].splitlines() == ["enabled: no -> yes", "login: refused -> accepted"]
    site.applied()
    site.do("PATCH", f"/robots/{robot['id']}", {"secret": "By-Hand-Passw0rd"})
    assert site.planned() == {"system-robot:ci": "login: refused -> accepted"}
    site.applied()
    site.write(harbor_system={"prune": ["robots"]})
    assert "rights: *: pull -> (none)" in site.planned()["system-robot:ci"]
    site.applied()
    assert site.get("/robots") == []


NEWER: dict[str, Any] = {
    "settings": {"banner": {"message": "maintenance"}, "audit_disabled_events": ["pull_artifact"]},
    "gc": {"schedule": "daily", "workers": 4},
    "purge_audit": {"schedule": "daily", "events": ["pull_artifact"]},
    "robots": {"both": {"projects": {"*": ["pull"]}, "system": ["catalog:read"]}},
}


def test_what_the_release_lacks_is_refused_before_anything_is_sent(site: HarborSite) -> None:
    said = site.write(harbor_system=NEWER)("apply", "registry", "--yes", code=1).said
    for words in (
        "data.harbor_system.settings.banner: Harbor has it since 2.9, and this one is v2.8.3",
        "data.harbor_system.settings.audit_disabled_events: Harbor has it since 2.13",
        "data.harbor_system.gc.workers: Harbor has it since 2.9",
        "data.harbor_system.purge_audit.events: Harbor has it since 2.13",
        "data.harbor_system.robots.both.system: before 2.10, a robot with rights of the system loses",
    ):
        assert words in said
    assert not [line for line in site.asked if not line.startswith("GET")]


def test_what_a_later_release_has_is_set_there(tmp_path: Path) -> None:
    with harbor_site(tmp_path, version="v2.15.2-moor-standin") as site:
        site.write(harbor_system=NEWER)
        site.applied()
        assert '"message": "maintenance"' in value_of(site, "banner_message")
        site.do("PUT", "/configurations", {"banner_message": ""})
        assert "banner.message: (empty) -> maintenance" in site.planned()["setting:general"]
        old = {"purge_audit": {"schedule": "daily", "operations": ["pull"]}}
        said = site.write(harbor_system=old)("plan", "registry", code=1).said
        assert "purge_audit.operations: Harbor had it until 2.12, and this one is v2.15.2" in said


def test_bad_values_are_all_refused_at_once_before_any_call(site: HarborSite) -> None:
    bad: dict[str, Any] = {
        "auth": {
            "mode": "ldap",
            "oidc": {
                "name": "x",
                "endpoint": "https://me:word@sso.test",
                "client_id": "x",
                "client_secret": "clear-word",
            },
            "ldap": {"url": "https://ldap.test", "base_dn": "corp", "filter": "(a=b", "scope": "deep"},
        },
        "settings": {
            "session_timeout_minutes": 0,
            "robot_prefix": "ro:bot ",
            "default_quota": "5 GB",
            "audit_forward_to": "syslog.test",
            "project_creation": "nobody",
        },
        "users": {"admin": user(site), "a,b": user(site), "dev": user(site, email="dev", realname="a#b")},
        "scanners": {"Trivy": {"url": "http://scan.test"}, "x": {"url": "ftp://scan.test", "auth": "basic"}},
        "gc": {"schedule": "0 3 * * *", "workers": 11},
        "purge_audit": {"schedule": "10 0 0 * * *", "keep_hours": 0},
        "cve_allowlist": {"cves": ["3094"]},
        "robots": {"CI": {"projects": {"*": ["pull"]}}, "ci": {"projects": {"*": ["fly"], "shop": ["tag:fly"]}}},
        "prune": ["everything"],
    }
    done = site.write(harbor_system=bad)("plan", "registry", code=1)
    for key in (
        "auth.oidc.endpoint", "auth.oidc.client_secret", "auth.ldap.url", "auth.ldap.base_dn", "auth.ldap.filter",
        "auth.ldap.scope", "settings.session_timeout_minutes", "settings.robot_prefix", "settings.default_quota",
        "settings.audit_forward_to", "settings.project_creation", "users.admin", "users.a,b", "users.dev.email",
        "users.dev.realname", "scanners.Trivy", "scanners.x.url", "gc.schedule", "gc.workers", "purge_audit.schedule",
        "purge_audit.keep_hours", "cve_allowlist.cves.0", "robots.CI", "robots.ci.projects.*",
        "robots.ci.projects.shop", "prune.0",
    ):  # fmt: skip
        assert f"data.harbor_system.{key}: " in done.stderr, (key, done.stderr)
    assert "word@" not in done.stderr
    assert "clear-word" not in done.stderr
    assert site.asked == []


def test_what_does_not_fit_together_is_refused(site: HarborSite) -> None:
    bad: dict[str, Any] = {
        "auth": {"mode": "oidc", "self_registration": True},
        "users": {"one": user(site)},
        "scanners": {"a": {"url": "http://scan.test"}, "b": {"url": "http://scan.test/", "enabled": False}},
        "default_scanner": "b",
    }
    said = site.write(harbor_system=bad)("plan", "registry", code=1).stderr
    assert "auth.oidc: is missing; mode oidc needs it" in said
    assert "auth.self_registration: it is for mode database" in said
    bad["auth"] = {"mode": "ldap", "ldap": {"url": "ldap://x.test", "base_dn": "dc=test"}}
    said = site.write(harbor_system=bad)("plan", "registry", code=1).stderr
    assert "users: they are of auth mode database" in said
    assert "scanners.b.url: a has it too" in said
    assert "default_scanner: b is not enabled" in said


def test_weak_and_unreadable_secrets_are_told_before_any_call(site: HarborSite) -> None:
    robots = {"ci": {"projects": {"*": ["pull"]}, "secret": "file:secrets/none"}}
    site.write(harbor_system={"users": {"dev": user(site, password=site.secret("weak", "weakness"))}, "robots": robots})
    said = site("plan", "registry", code=1).said
    assert "data.harbor_system.users.dev.password: Harbor wants 8 to 128 characters" in said
    assert "data.harbor_system.robots.ci.secret: " in said
    assert site.asked == []


def test_an_audit_log_that_would_go_nowhere_is_refused(site: HarborSite) -> None:
    site.write(harbor_system={"settings": {"audit_skip_database": True}})
    assert "audit_skip_database: audit logs would go nowhere" in site("apply", "registry", "--yes", code=1).said
    assert not [line for line in site.asked if not line.startswith("GET")]
    place = f"127.0.0.1:{free_port()}"
    site.write(harbor_system={"settings": {"audit_forward_to": place, "audit_skip_database": True}})
    said = site("apply", "registry", "--yes", code=1).said
    assert "Harbor has stored the address all the same: does a log server take TCP there?" in said
    with listening() as port:
        site.write(harbor_system={"settings": {"audit_forward_to": f"127.0.0.1:{port}", "audit_skip_database": True}})
        site.applied()


NEW = "Entirely-New-Passw0rd"


def changing(site: HarborSite, new: str = NEW, before: str = ADMIN_PASSWORD) -> HarborSite:
    account = {"password": site.secret("new", new), "password_before": site.secret("before", before)}
    return site.write(projects={"shop": {}}, harbor={"managed": False, "account": {"user": "admin", **account}})


def test_the_password_of_the_account_is_changed_by_plan(site: HarborSite) -> None:
    changing(site)
    assert site.planned()["harbor-password:admin"] == "password: *** -> ***"
    assert logs_in(site, "admin", ADMIN_PASSWORD)
    site.applied()
    assert logs_in(site, "admin", NEW)
    assert not logs_in(site, "admin", ADMIN_PASSWORD)
    assert [one["name"] for one in site.api.get("/api/v2.0/projects", auth=("admin", NEW)).json()] == [
        "library",
        "shop",
    ]
    site.write(
        projects={"shop": {}},
        harbor={"managed": False, "account": {"user": "admin", "password": site.secret("new", NEW)}},
    )
    assert site.planned() == {}
    assert NEW not in "".join(site.said)
    assert ADMIN_PASSWORD not in "".join(site.said)


def test_a_change_of_the_password_that_was_cut_off_goes_on(site: HarborSite) -> None:
    changing(site)
    # the request arrived, and the run died before it heard the answer
    site.do("PUT", "/users/1/password", {"old_password": ADMIN_PASSWORD, "new_password": NEW})
    assert set(site.planned()) == {"project:shop"}
    site.applied()


@pytest.mark.parametrize(
    ("new", "before", "words"),
    [
        ("weakness", ADMIN_PASSWORD, "data.harbor.account.password: Harbor wants 8 to 128 characters"),
        (NEW, NEW, "data.harbor.account.password: it is the same as data.harbor.account.password_before"),
    ],
)
def test_a_password_that_harbor_would_not_take_is_refused_before_any_call(
    site: HarborSite, new: str, before: str, words: str
) -> None:
    assert words in changing(site, new, before)("plan", "registry", code=1).said
    assert site.asked == []


def test_two_passwords_that_harbor_does_not_take_are_told(site: HarborSite) -> None:
    said = changing(site, before="Never-Was-1t-")("plan", "registry", code=1).said
    assert "Harbor takes neither the new password of admin nor the one before" in said
