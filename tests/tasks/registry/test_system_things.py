"""The models of Harbor's system, on their way to Harbor and back, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.connections.apis.harbor_answers import RobotAnswer, Shape, parse_answer
from moor.errors import HostError
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.releases import unfit_fields
from moor.tasks.registry.rights import PROJECT, SYSTEM
from moor.tasks.registry.robots import validity
from moor.tasks.registry.system import (
    allowlist,
    auth_values,
    banner,
    configuration,
    general,
    login_settings,
    robots,
    scanners,
    schedules,
    user_list,
    users,
)
from moor.tasks.registry.system.auth import Auth, check_dn, check_filter, check_ldap

WORDS = st.text("abcxyz019-_.", min_size=1, max_size=8)
COUNTS = st.integers(1, general.LARGEST)
EVENTS = st.lists(st.sampled_from(get_args(general.AuditEvent)), max_size=4)
BANNERS = st.fixed_dictionaries(
    {"message": st.text("abc äöü<>\"'", min_size=1, max_size=9)},
    optional={
        "type": st.sampled_from(["success", "info", "warning", "danger"]),
        "closable": st.booleans(),
        "from_date": st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        "to_date": st.dates(date(2031, 1, 1), date(2099, 1, 1)),
    },
) | st.just({"message": ""})
GENERALS = st.fixed_dictionaries(
    {},
    optional={
        "project_creation": st.sampled_from(["everyone", "adminonly"]),
        "session_timeout_minutes": COUNTS,
        "token_minutes": COUNTS,
        "robot_days": COUNTS,
        "robot_prefix": st.sampled_from(["robot$", "bot_", "a+b@"]),
        "webhooks": st.booleans(),
        "project_quotas": st.booleans(),
        "default_quota": st.sampled_from(["unlimited", "50 GiB", 1]),
        "audit_forward_to": st.sampled_from(["log.test:514", "[fd00::1]:514"]),
        "audit_skip_database": st.booleans(),
        "audit_disabled_events": EVENTS,
        "scans_keep_pull_time": st.booleans(),
        "banner": BANNERS,
    },
)
SCOPES = st.sampled_from(["base", "onelevel", "subtree"])
GROUPS = st.fixed_dictionaries(
    {},
    optional={
        "base_dn": st.just("ou=groups,dc=corp"),
        "filter": st.just("(objectClass=group)"),
        "name_attribute": WORDS,
        "scope": SCOPES,
        "attach_parallel": st.booleans(),
    },
)
LDAPS = st.fixed_dictionaries(
    {"url": st.sampled_from(["ldap://dir.test", "ldaps://dir.test:1636"]), "base_dn": st.just("dc=corp,dc=test")},
    optional={
        "uid": WORDS,
        "filter": st.just("(&(a=b)(c=d))"),
        "scope": SCOPES,
        "timeout_s": st.integers(1, 60),
        "verify_certificate": st.booleans(),
        "groups": GROUPS.filter(bool),
    },
)
PROXIES = st.fixed_dictionaries(
    {"endpoint": st.just("https://proxy.test"), "tokenreview_endpoint": st.just("https://proxy.test/review")},
    optional={
        "admin_groups": st.lists(WORDS, min_size=1, max_size=3),
        "admin_users": st.lists(WORDS, min_size=1, max_size=3),
        "skip_search": st.booleans(),
        "verify_certificate": st.booleans(),
    },
)
AUTHS = st.one_of(
    st.fixed_dictionaries({"mode": st.just("database")}, optional={"self_registration": st.booleans()}),
    st.fixed_dictionaries({"mode": st.just("ldap"), "ldap": LDAPS}, optional={"primary": st.booleans()}),
    st.fixed_dictionaries({"mode": st.just("http_proxy"), "http_proxy": PROXIES}),
)
CRONS = st.sampled_from(["hourly", "daily", "weekly", "0 15 3 * * mon-fri", "none"])
GCS = st.fixed_dictionaries(
    {"schedule": CRONS},
    optional={"delete_untagged": st.booleans(), "workers": st.integers(1, 10), "dry_run": st.booleans()},
)
PURGES = st.fixed_dictionaries(
    {"schedule": CRONS, "operations": st.lists(st.sampled_from(["create", "delete", "pull"]), min_size=1)},
    optional={"keep_hours": st.integers(1, schedules.LONGEST_H), "dry_run": st.booleans()},
)


def rights_in(known: dict[str, str]) -> st.SearchStrategy[list[str]]:
    every = [f"{resource}:{action}" for resource, actions in known.items() for action in actions.split()]
    short = [word for word in every if word not in ("repository:pull", "repository:push")]
    return st.lists(st.sampled_from(short), min_size=1, max_size=4)


ROBOTS = st.fixed_dictionaries(
    {"projects": st.dictionaries(st.sampled_from(["*", "shop", "a.b-c"]), rights_in(dict(PROJECT)), min_size=1)},
    optional={
        "system": rights_in(dict(SYSTEM)),
        "duration_days": st.just(-1) | st.integers(1, 3650),
        "description": WORDS,
        "enabled": st.booleans(),
    },
)
LISTS = st.fixed_dictionaries(
    {"cves": st.lists(st.integers(1000, 99999).map("CVE-2024-{}".format), max_size=3, unique=True)},
    optional={"expires": st.dates(date(2025, 1, 1), date(2100, 1, 1))},
)
SCANNERS = st.fixed_dictionaries(
    {"url": st.sampled_from(["http://scan.test:8080/", "https://[fd00::1]/base"])},
    optional={"description": WORDS, "verify_certificate": st.booleans(), "enabled": st.booleans()},
)


@given(GENERALS)
def test_settings_come_back_as_they_were_sent(written: dict[str, Any]) -> None:
    model = general.General.model_validate(written)
    assert general.general_of(general.payload_of(model)) == model


@given(BANNERS)
def test_a_banner_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = banner.Banner.model_validate(written)
    assert banner.decode_banner(banner.encode_banner(model)) == model


@pytest.mark.parametrize("text", ["", "{}", "null", "[]", "no JSON", '{"closable": false}', '{"message": null}'])
def test_what_is_no_banner_is_none(text: str) -> None:
    assert banner.decode_banner(text) == banner.Banner(message="")


def test_a_banner_of_harbors_own_pages_is_read() -> None:
    text = '{"message": "hello", "closable": true, "type": "warning", "fromDate": "2027-01-30T23:00:00.000Z"}'
    found = banner.decode_banner(text)
    assert (found.type, found.closable, found.from_date, found.to_date) == ("warning", True, date(2027, 1, 30), None)


@given(AUTHS)
def test_logins_come_back_as_they_were_sent(written: dict[str, Any]) -> None:
    model = Auth.model_validate(written)
    assert auth_values.auth_of(auth_values.payload_of(model)) == model


def test_a_client_secret_is_sent_and_never_comes_back(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("S3cret-of-it")
    (tmp_path / "secret").chmod(0o600)
    oidc = {"name": "sso", "endpoint": "https://sso.test", "client_id": "x", "extra_redirect": {"prompt": "login"}}
    model = Auth.model_validate(
        {"mode": "oidc", "oidc": oidc | {"client_secret": "file:secret"}}, context={"site": tmp_path}
    )
    sent = auth_values.payload_of(model)
    assert sent["oidc_client_secret"] == "S3cret-of-it"
    back = auth_values.auth_of(sent).oidc
    assert back is not None
    assert back.extra_redirect == {"prompt": "login"}
    assert back.client_secret is None


@pytest.mark.parametrize("kind", [(schedules.GarbageCollection, GCS), (schedules.PurgeAudit, PURGES)])
@given(data=st.data())
def test_a_schedule_comes_back_as_it_was_sent(kind: tuple[Any, Any], data: st.DataObject) -> None:
    model = kind[0].model_validate(data.draw(kind[1]))
    sent = schedules.payload_of(model)
    back = schedules.schedule_from(kind[0], answer_to(sent))
    assert back.schedule == model.schedule
    assert model.schedule == "none" or back == model


def answer_to(sent: dict[str, Any]) -> dict[str, Any]:
    """Answer as Harbor does: parameters as a text, without those that are off; nothing where there is no schedule."""
    if sent["schedule"]["type"] == "None":
        return {}
    given = {name: value for name, value in sent.get("parameters", {}).items() if value is not False}
    return {"schedule": sent["schedule"], "job_parameters": json.dumps(given)}


@given(ROBOTS)
def test_a_robot_of_the_system_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = robots.SystemRobot.model_validate(written)
    assert robots.robot_of(robots.payload_of("ci", model)) == model


@given(LISTS)
def test_an_allowlist_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = allowlist.SystemAllowlist.model_validate(written)
    assert allowlist.allowlist_of(allowlist.payload_of(model)) == model


@given(SCANNERS)
def test_a_scanner_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = scanners.Scanner.model_validate(written)
    assert scanners.scanner_of(scanners.payload_of("x", model)) == model


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (check_ldap, "ldap://user:word@dir.test"),
        (check_ldap, "ldap://dir.test/dc=corp"),
        (check_ldap, "ldap://dir.test:port"),
        (check_ldap, "dir.test"),
        (check_dn, "corp"),
        (check_filter, "objectClass=person"),
        (check_filter, "(a=b))("),
        (check_filter, "((a=b)"),
    ],
)
def test_what_a_directory_would_not_take_is_refused(check: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"writ|port"):
        check(text)


@pytest.mark.parametrize("text", ["", "(a=b)", r"(cn=a\28b\))", "(&(objectClass=person)(!(x=1)))"])
def test_filters_are_taken(text: str) -> None:
    assert check_filter(text) == text


@pytest.mark.parametrize(
    ("release", "unfit"),
    [((2, 8), ["both.system"]), ((2, 10), ["both.projects.shop: member:list"]), ((2, 12), [])],
)
def test_rights_are_checked_by_release(release: tuple[int, int], unfit: list[str]) -> None:
    wanted = {"both": robots.SystemRobot(projects={"shop": ("pull", "member:list")}, system=("catalog:read",))}
    found = unfit_fields(tuple(robots.robot_marks(wanted, "robots")), release, "this")
    assert [words.removeprefix("robots.").partition(": ")[0] for words in found] == [
        words.partition(": ")[0] for words in unfit
    ]


@pytest.mark.parametrize("word", ["fly", "tag:fly", "nothing:read", "catalog:read"])
def test_a_right_that_harbor_does_not_have_is_refused(word: str) -> None:
    with pytest.raises(ValidationError):
        robots.SystemRobot.model_validate({"projects": {"*": [word]}})


def test_a_users_profile_leaves_the_password_out() -> None:
    found = users.user_of({"user_id": 3, "username": "dev", "email": "a@b.test", "realname": "A"})
    assert users.profile_of(found) == {"email": "a@b.test", "realname": "A", "comment": ""}


KEYS = st.sampled_from(["cron", "message", "value", "access", "resource", "cve_id", "delete_untagged", "namespace"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4)
TREES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=2))
NAMES = [*general.NAMES.values(), *(name for names in auth_values.NAMES.values() for name in names.values())]
ITEMS = st.dictionaries(st.sampled_from(NAMES), st.fixed_dictionaries({"value": TREES}), max_size=4)
MODE = st.sampled_from(["db_auth", "ldap_auth", "oidc_auth", "http_auth", "uaa_auth"]).map(lambda one: {"value": one})
ROBOT = {
    "id": 1,
    "name": "robot$x",
    "permissions": [],
    "duration": 1,
    "expires_at": 1,
    "description": "",
    "disable": False,
}


def read_settings(answer: dict[str, Any]) -> None:
    values = {name: item.get("value") for name, item in answer.items()}
    general.fields_of(general.general_of(values))
    login_settings.fields_of(auth_values.auth_of(values))


ANSWERS: dict[str, tuple[Any, st.SearchStrategy[Any], Callable[[Any], object]]] = {
    "settings": (
        configuration.CONFIGURATION.shape,
        st.builds(lambda items, mode: items | {"auth_mode": mode}, ITEMS, MODE),
        read_settings,
    ),
    "schedules": (
        schedules.SHAPE,
        st.fixed_dictionaries(
            {"schedule": TREES | st.just({"cron": "0 0 0 * * *"})},
            optional={"job_parameters": TREES | st.dictionaries(WORDS | KEYS, TREES).map(json.dumps)},
        ),
        lambda one: [flatten(schedules.schedule_from(kind, one)) for kind in get_args(schedules.Schedule)],
    ),
    "robots": (
        Shape(RobotAnswer),
        st.dictionaries(st.sampled_from(sorted(ROBOT)), TREES, max_size=3).map(lambda changed: ROBOT | changed),
        lambda one: (robots.fields_of(robots.robot_of(one)), validity(one)),
    ),
    "allowlist": (
        allowlist.ALLOWLIST.shape,
        st.dictionaries(st.sampled_from(["items", "expires_at"]), TREES),
        lambda one: allowlist.fields_of(allowlist.allowlist_of(one)),
    ),
    "scanners": (
        Shape(scanners.ScannerAnswer),
        st.dictionaries(st.sampled_from(["auth", "description", "disabled", "url"]), TREES).map(
            lambda changed: {"uuid": "x", "name": "x", "url": "http://x"} | changed
        ),
        lambda one: flatten(scanners.scanner_of(one)),
    ),
    "users": (
        Shape(user_list.UserAnswer),
        st.dictionaries(st.sampled_from(["email", "realname", "comment", "sysadmin_flag"]), TREES).map(
            lambda changed: {"user_id": 3, "username": "x"} | changed
        ),
        lambda one: flatten(users.user_of(one)),
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_any_answer_becomes_a_state_or_one_sentence(kind: str, data: st.DataObject) -> None:
    shape, strategy, read = ANSWERS[kind]
    request = httpx2.Request("GET", "https://registry.test/x")
    response = httpx2.Response(200, content=json.dumps(data.draw(strategy)), request=request)
    with suppress(HostError):  # any other error would reach a user as an internal one
        read(parse_answer(shape, response))
