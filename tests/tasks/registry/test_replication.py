"""Replication endpoints and rules: what Harbor is sent and gives back, and how far one registry is behind another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moor.tasks.facts import Standby
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.mirror import url_of
from moor.tasks.registry.replication.endpoint import Endpoint, endpoint_of
from moor.tasks.registry.replication.endpoint import payload_of as endpoint_payload
from moor.tasks.registry.replication.lag import Held, Lag, lag_between
from moor.tasks.registry.replication.rule import Rule, desired_state, payload_of, rule_of
from moor.tasks.registry.replication.watch import behind

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
TAGS = st.none() | st.builds(lambda key, value: {key: value}, st.sampled_from(["matching", "excluding"]), NAMES)
TRIGGERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"trigger": "manual"}, {"trigger": "event", "deletions": True}, {"trigger": "schedule", "cron": "0 */5 * * * *"}]
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    trigger = draw(TRIGGERS)
    pulls = trigger["trigger"] != "event" and draw(st.booleans())
    values: dict[str, Any] = {
        "pull_from" if pulls else "push_to": draw(NAMES),
        "names": draw(st.none() | st.just("shop/**")),
        "tags": draw(TAGS),
        "namespace": draw(st.none() | NAMES),
        "replaced_levels": draw(st.integers(-1, 3)),
        "enabled": draw(st.booleans()),
        "override": draw(st.booleans()),
        "speed_kb": draw(st.integers(0, 9999)),
        "by_chunk": draw(st.booleans()),
        "description": draw(NAMES),
    }
    return Rule.model_validate(values | trigger)


def answered(name: str, rule: Rule) -> dict[str, Any]:
    """Return what Harbor gives back for what it is sent: both ends, its own with the id 0."""
    body, own = payload_of(name, rule, 7), {"id": 0, "name": "Local"}
    other = {"id": 7, "name": rule.push_to or rule.pull_from}
    source, sink = (own, other) if rule.push_to else (other, own)
    return {**body, "src_registry": source, "dest_registry": sink}


@given(rules())
def test_a_rule_comes_back_as_it_was_sent(rule: Rule) -> None:
    assert rule_of(answered("mirror", rule)) == rule


@given(rules(), rules())
def test_two_rules_that_differ_show_it(one: Rule, other: Rule) -> None:
    there = flatten(other)
    assert (desired_state(one, there) == there) == (one == other)


@given(st.sampled_from(["https://a.test", "https://[fd00::1]:8443", "http://10.0.0.1:80/v2"]), st.booleans(), NAMES)
def test_an_endpoint_comes_back_as_it_was_sent(url: str, checks: bool, words: str) -> None:
    endpoint = Endpoint(url=url, check_certificate=checks, description=words)
    assert endpoint_of({**endpoint_payload("second", endpoint), "id": 1}) == endpoint


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "one endpoint"),
        ({"push_to": "a", "pull_from": "b"}, "one endpoint"),
        ({"push_to": "a", "trigger": "schedule"}, "cron: is missing"),
        ({"push_to": "a", "cron": "0 0 3 * * *"}, "trigger: schedule"),
        ({"push_to": "a", "trigger": "schedule", "cron": "0 * * * * *"}, "every minute"),
        ({"push_to": "a", "trigger": "schedule", "cron": "5 0 3 * * *"}, "seconds"),
        ({"push_to": "a", "trigger": "schedule", "cron": "0 3 * * *"}, "six"),
        ({"pull_from": "a", "trigger": "event"}, "learns nothing of pushes"),
        ({"push_to": "a", "deletions": True}, "as they happen"),
        ({"push_to": "a", "tags": {}}, "one of them"),
    ],
)
def test_a_rule_that_harbor_would_refuse_or_never_run_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Rule.model_validate(values)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "registry.test"}, "https://HOST"),
        ({"url": "https://me:word@registry.test"}, "not written into the URL"),
        ({"url": "https://registry.test", "user": "me"}, "password: is missing"),
        ({"url": "https://registry.test", "type": "floppy"}, "harbor"),
    ],
)
def test_an_endpoint_that_cannot_work_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Endpoint.model_validate(values)
    assert words in str(refused.value)


def held(**digests: str) -> Held:
    return Held(digests, {name: f"2026-01-01T10:0{at}:00.000Z" for at, name in enumerate(digests)})


def test_what_the_standby_lacks_and_what_it_has_otherwise_count_the_oldest_first() -> None:
    lag = lag_between(held(old="1", same="2", new="3"), held(same="2", new="9"))
    assert lag.missing == ("old", "new")
    assert lag.since == datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    assert lag.minutes(datetime(2026, 1, 1, 10, 12, tzinfo=UTC)) == 12
    assert lag_between(held(same="2"), held(same="2", more="4")) == Lag()


@given(st.dictionaries(NAMES, NAMES, max_size=6))
def test_a_registry_is_never_behind_itself(digests: dict[str, str]) -> None:
    assert lag_between(Held(digests, {}), Held(digests, {})) == Lag()


def test_a_lag_is_a_finding_once_it_is_older_than_it_may_be() -> None:
    standby = Standby.model_validate({"host": "harbor2", "address": "10.0.0.12", "lag_minutes": 10})
    now = datetime.now(UTC)
    assert list(behind(standby, Lag(("shop/web:1",), now - timedelta(minutes=9)))) == []
    (found,) = behind(standby, Lag(("shop/web:1",), now - timedelta(minutes=11)))
    assert found.what == "harbor2 lacks 1 artifact, the oldest pushed 11 minutes ago: shop/web:1"
    assert list(behind(standby, Lag())) == []


@pytest.mark.parametrize(
    ("address", "port", "url"),
    [("10.0.0.12", 443, "https://10.0.0.12"), ("fd00::12", 8443, "https://[fd00::12]:8443")],
)
def test_the_endpoint_of_the_standby_is_its_address(address: str, port: int, url: str) -> None:
    assert url_of(Standby.model_validate({"host": "harbor2", "address": address}), port) == url
