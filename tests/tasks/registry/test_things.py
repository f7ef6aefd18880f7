"""The models of Harbor's things, on their way to Harbor and back, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from moor.connections.apis.harbor_answers import Shape, parse_answer
from moor.errors import HostError
from moor.secrets.secret import Secret
from moor.tasks.registry.cron import cron_of
from moor.tasks.registry.fingerprints import Fingerprints
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.project import immutable, labels, members, number, policy, quota, retention, webhooks
from moor.tasks.registry.project.members import ROLE_NUMBERS, role_of, user_payload
from moor.tasks.registry.project.settings import Project
from moor.tasks.registry.releases import MarkedField, Since, Until, marked_fields, release_in, unfit_fields

QUOTA = TypeAdapter(quota.Quota)
WORDS = st.text("abcdefgh*-_.", min_size=1, max_size=8).filter(lambda word: word != "**")
SELECTION = st.fixed_dictionaries(
    {}, optional={"repositories": WORDS, "tags": WORDS, "except_repositories": WORDS, "except_tags": WORDS}
).map(lambda found: {k: v for k, v in found.items() if not (k.startswith("except_") and k[7:] in found)})


def rule(keep: str, selection: Mapping[str, str], count: int, untagged: bool, enabled: bool) -> dict[str, Any]:
    counted = {} if keep == "always" else {"count": count}
    return {"keep": keep, **selection, **counted, "untagged": untagged, "enabled": enabled}


RULES = st.builds(
    rule, st.sampled_from(sorted(retention.TEMPLATES)), SELECTION, st.integers(1, 500), st.booleans(), st.booleans()
)
RETENTIONS = st.lists(RULES, max_size=4, unique_by=str).map(lambda rules: {"rules": rules})
PROXIES = st.fixed_dictionaries(
    {"registry": st.just("hub")},
    optional={"speed_kbps": st.integers(1, 9999), "connections": st.just(-1), "serve_deleted": st.booleans()},
)
ALLOWLISTS = st.just({"system": True}) | st.fixed_dictionaries(
    {"cves": st.lists(st.integers(1000, 99999).map("CVE-2024-{}".format), max_size=3)},
    optional={"expires": st.dates(date(2025, 1, 1), date(2100, 1, 1))},
)
POLICIES = st.fixed_dictionaries(
    {"public": st.booleans()},
    optional={
        "scan": st.fixed_dictionaries(
            {}, optional={"on_push": st.booleans(), "block_from": st.sampled_from(["never", "low", "critical"])}
        ),
        "content_trust": st.fixed_dictionaries({}, optional={"cosign": st.booleans()}),
        "cve_allowlist": ALLOWLISTS,
        "proxy_cache": PROXIES,
    },
)
HOOKS = st.fixed_dictionaries(
    {
        "address": st.sampled_from(["https://ci.test/hook", "http://[fd00::1]:8080/"]),
        "events": st.lists(st.sampled_from(["PUSH_ARTIFACT", "REPLICATION"]), min_size=1, unique=True),
    },
    optional={
        "verify_tls": st.booleans(),
        "enabled": st.booleans(),
        "description": st.text(max_size=5),
        "format": st.sampled_from(["default", "cloudevents"]),
    },
)


@given(RETENTIONS)
def test_a_retention_policy_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = retention.Retention.model_validate(written)
    assert retention.retention_of(retention.payload_of(model)) == model


@given(SELECTION, st.booleans())
def test_a_rule_of_immutable_tags_comes_back_as_it_was_sent(selection: dict[str, str], enabled: bool) -> None:
    model = immutable.ImmutableRule.model_validate({**selection, "enabled": enabled})
    back = immutable.rule_of(immutable.payload_of(model))
    assert (back.chosen, back.enabled) == (model.chosen, model.enabled)


@given(POLICIES)
def test_what_is_written_of_a_project_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = policy.ProjectPolicy.model_validate(written)
    answer = {**policy.payload_of(model), **({"registry_id": 7} if model.proxy_cache else {})}
    back = policy.state_of(policy.policy_of(answer, {7: "hub"}))
    assert policy.state_of(model).items() <= back.items()


@given(HOOKS)
def test_a_webhook_comes_back_as_it_was_sent(written: dict[str, Any]) -> None:
    model = webhooks.Webhook.model_validate(written)
    assert webhooks.webhook_of(webhooks.payload_of("ci", model)) == model


@given(st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True), st.text(max_size=9))
def test_a_label_comes_back_as_it_was_sent(color: str, description: str) -> None:
    model = labels.Label(color=color, description=description)
    assert labels.label_of(labels.payload_of("x", model)) == model


@pytest.mark.parametrize("role", sorted(ROLE_NUMBERS))
def test_a_role_comes_back_as_it_was_sent(role: Any) -> None:
    assert role_of(user_payload("dev1", role)) == role


@given(st.integers(1, 1024**5))
def test_an_amount_is_read_as_it_is_shown(count: int) -> None:
    assert QUOTA.validate_python(quota.amount(count)) == count


@pytest.mark.parametrize(
    ("written", "count"), [("unlimited", -1), (-1, -1), ("50 GiB", 50 * 1024**3), ("1MiB", 1024**2), (1500, 1500)]
)
def test_a_quota_is_an_amount_or_none(written: object, count: int) -> None:
    assert QUOTA.validate_python(written) == count


@pytest.mark.parametrize("written", [0, "0 GiB", -2, True, "50 GB", "half", "2000 TiB", 1.5])
def test_a_quota_that_harbor_would_refuse_or_read_differently_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        QUOTA.validate_python(written)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("daily", "0 0 0 * * *"),
        ("weekly", "0 0 0 * * 0"),
        ("0 30 2  * * mon-fri", "0 30 2 * * mon-fri"),
        ("0 */15 * 1,15 jan ?", "0 */15 * 1,15 jan ?"),
    ],
)
def test_a_schedule_is_kept_as_harbor_writes_it(written: str, kept: str) -> None:
    assert cron_of(written) == kept


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("0 3 * * *", "5 fields; Harbor wants six, seconds first"),
        ("every day", "2 fields"),
        ("", "0 fields"),
        ("30 0 3 * * *", "takes 0 alone"),
        ("0 60 3 * * *", "'60' is no minute: it is 0 to 59"),
        ("0 0 24 * * *", "is no hour"),
        ("0 0 3 0 * *", "'0' is no day of the month: it is 1 to 31"),
        ("0 0 3 * * 7", "'7' is no day of the week: it is 0 to 6"),
        ("0 0 5-3 * * *", "ends before it begins"),
        ("0 */0 3 * * *", "a step is at least 1"),
        ("0 0 3 * * lundi", "is no day of the week"),
        ("0 0 *-3 * * *", "a range begins with a number"),
    ],
)
def test_a_schedule_that_harbor_would_not_take_is_refused(written: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"fields|no |takes") as told:
        cron_of(written)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"retention": {"schedule": "daily"}}, "a schedule without a rule that is enabled"),
        ({"retention": {"rules": [{"keep": "always", "count": 3}]}}, "always keeps everything; drop count"),
        ({"retention": {"rules": [{"keep": "latest_pushed"}]}}, "is missing: how many artifacts"),
        ({"retention": {"rules": [{"keep": "pulled_within_days"}]}}, "is missing: how many days"),
        ({"retention": {"rules": [{"keep": "always"}] * 2}}, "there is such a rule already"),
        ({"retention": {"rules": [{"keep": "always", "tags": "v{1,2"}]}}, "do not match, so that no name would"),
        ({"immutable": [{"except_tags": "**"}]}, "all but everything is nothing"),
        ({"immutable": [{"tags": "**"}, {}]}, "a second rule for"),
        ({"immutable": [{"tags": "v*"}, {"tags": "v*", "enabled": False}]}, "a second rule for"),
        ({"webhooks": {"x": {"address": "ftp://a.test", "events": ["REPLICATION"]}}}, "is no address"),
        ({"webhooks": {"x": {"address": "https://a:b@c.test", "events": ["REPLICATION"]}}}, "a login has no place"),
        (
            {"webhooks": {"x": {"address": "https://c.test", "events": ["REPLICATION"], "type": "slack",
                                "auth": "env:X"}}},
            "for the type http",
        ),
        ({"cve_allowlist": {"system": True, "expires": "2027-01-01"}}, "does not count while system is true"),
        ({"proxy_cache": {"registry": "hub", "speed_kbps": 0}}, "0 lets nothing through"),
        ({"proxy_cache": {"registry": "hub"}, "robots": {"r": {"access": ["push", "pull"]}}}, "into a proxy cache"),
    ],
)  # fmt: skip
def test_what_harbor_would_refuse_or_never_do_is_refused(written: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as told:
        Project.model_validate(written)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("extras", "decoration", "kept"),
    [
        ('{"untagged":true}', "matches", True), ('{"untagged":false}', "matches", False), ("", "matches", True),
        ("", "excludes", False), ("{}", "excludes", False), ("not json", "matches", False), ("[]", "matches", False),
    ],
)  # fmt: skip
def test_whether_untagged_images_are_kept_is_read_as_harbor_reads_it(extras: str, decoration: str, kept: bool) -> None:
    tags = {"decoration": decoration, "pattern": "**", "extras": extras}
    answer = {"rules": [{"template": "always", "params": {}, "tag_selectors": [tags]}]}
    assert retention.retention_of(answer).rules[0].untagged == kept


def test_a_policy_that_somebody_made_otherwise_is_shown_and_not_refused() -> None:
    answer = {"trigger": {"settings": {"cron": "7 0 0 * * *"}}, "rules": [{"template": "nonsense", "params": {"x": 3}}]}
    shown = retention.state_of(retention.retention_of(answer))
    assert shown == {"schedule": "7 0 0 * * *", "rules": "nonsense 3: repositories **, tags **"}


KEYS = st.sampled_from(["id", "name", "items", "cron", "repository", "pattern", "storage", "expires_at", "cve_id"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4)
TREES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=2))
ANSWERS: dict[str, tuple[Any, dict[str, Any], Callable[[Any], object]]] = {
    "projects": (
        number.PROJECTS.shape,
        {"project_id": 1, "name": "shop", "metadata": {"severity": "high"}, "cve_allowlist": {"items": []},
         "registry_id": 3},
        lambda one: policy.state_of(policy.policy_of(one, {})),
    ),
    "quotas": (
        quota.QUOTAS.shape,
        {"id": 1, "ref": {"id": 1}, "hard": {"storage": 5}, "used": {"storage": 1}},
        lambda one: (quota.amount(quota.quota_of(one)), quota.about(quota.used_in(one))),
    ),
    "policies": (
        Shape(list[retention.RetentionAnswer]),
        {"id": 1, "rules": [], "trigger": {"settings": {"cron": ""}}},
        lambda one: retention.state_of(retention.retention_of(one)),
    ),
    "rules": (
        immutable.RULES,
        {"id": 1, "disabled": False, "tag_selectors": [], "scope_selectors": {"repository": []}},
        lambda one: immutable.rule_of(one).chosen,
    ),
    "webhooks": (
        webhooks.WEBHOOKS,
        {"id": 1, "name": "ci", "enabled": True, "event_types": ["A"], "targets": []},
        lambda one: webhooks.state_of(webhooks.webhook_of(one), "", 1),
    ),
    "labels": (labels.LABELS, {"id": 1, "name": "x", "color": "#FFFFFF"}, labels.label_of),
    "members": (
        members.MEMBERS,
        {"id": 1, "entity_name": "a", "entity_type": "u", "role_id": 1, "entity_id": 2},
        members.role_of,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_any_answer_becomes_a_state_or_one_sentence(kind: str, data: st.DataObject) -> None:
    shape, right, read = ANSWERS[kind]
    changed = {**right, **data.draw(st.dictionaries(st.sampled_from(sorted(right)), TREES, max_size=2))}
    request = httpx2.Request("GET", "https://registry.test/x")
    response = httpx2.Response(200, content=json.dumps([changed]), request=request)
    with suppress(HostError):  # any other error would reach a user as an internal one
        read(parse_answer(shape, response)[0])


def test_a_release_has_what_it_has() -> None:
    project = Project.model_validate(
        {"scan": {"on_push": True, "sbom_on_push": False}, "content_trust": {"notary": True}, "proxy_cache": None}
    )
    fields = tuple(marked_fields({"shop": project}, "data.projects"))
    assert fields == (
        MarkedField("data.projects.shop.scan.sbom_on_push", Since(2, 11)),
        MarkedField("data.projects.shop.content_trust.notary", Until(2, 8)),
    )
    (early,) = unfit_fields(fields, (2, 8), "v2.8.3")
    assert early.endswith("sbom_on_push: Harbor has it since 2.11, and this one is v2.8.3; drop it")
    (late,) = unfit_fields(fields, (2, 15), "v2.15.2")
    assert late.endswith("notary: Harbor had it until 2.8, and this one is v2.15.2; drop it")
    assert [release_in(text) for text in ("v2.8.3-19d69635", "2.15.2", "dev", "")] == [(2, 8), (2, 15), None, None]


def test_a_fingerprint_knows_the_secret_that_moor_wrote_and_tells_nothing_of_it(tmp_path: Path) -> None:
    kept = Fingerprints(tmp_path / "fingerprints")
    word, other = Secret("the-first-word"), Secret("another-word")
    assert kept.shown("webhook:shop/ci", "auth", word) != word.sha256()
    assert not kept.directory.exists()
    kept.keep("webhook:shop/ci", "auth", word)
    assert kept.shown("webhook:shop/ci", "auth", word) == word.sha256()
    assert kept.shown("webhook:shop/ci", "auth", other) != other.sha256()
    assert kept.shown("webhook:shop/cd", "auth", word) != word.sha256()
    assert kept.directory.stat().st_mode & 0o777 == 0o700
    for file in kept.directory.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"first" not in file.read_bytes()
        assert word.sha256().encode() not in file.read_bytes()
    kept.drop("webhook:shop/ci")
    assert kept.shown("webhook:shop/ci", "auth", word) != word.sha256()


def test_fields_are_text_by_dotted_name() -> None:
    project = Project.model_validate({"scan": {"on_push": True}, "prune": ["robots", "labels"], "quota": 1024})
    flat = flatten(project)
    assert flat["scan.on_push"] == "true"
    assert flat["prune"] == "labels, robots"
    assert "retention" not in flat
