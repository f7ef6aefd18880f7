"""The stand-in really replicates: artifacts arrive at another stand-in by each trigger, and failures are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor_lab.harbor.core.replicating import run_due
from moor_lab.harbor.core.replication_rules import chooses, is_due, renamed
from tests.harness.waiting import until
from tests.lab_harbor.contract import HELLO, MANIFEST
from tests.lab_harbor.standin import ADMIN_PASSWORD, Served, find_registry, serve

ADMIN = ("admin", ADMIN_PASSWORD)
API = "/api/v2.0"


@dataclass
class Pair:
    """Two stand-ins, the second an endpoint of the first."""

    first: Served
    second: Served
    one: httpx.Client
    two: httpx.Client

    def policy(self, **changes: Any) -> str:
        """Make a rule on the first that carries everything to the second, and return its address."""
        body = {"name": "all", "dest_registry": {"id": 1}, "enabled": True, "override": True} | changes
        made = self.one.post(f"{API}/replication/policies", json=body)
        assert made.status_code == 201, made.text
        return str(made.headers["Location"])

    def execute(self, policy: str) -> dict[str, Any]:
        """Run a rule by hand, and return how it ended."""
        made = self.one.post(f"{API}/replication/executions", json={"policy_id": int(policy.rpartition("/")[2])})
        assert made.status_code == 201, made.text
        self.first.core.jobs.wait()
        return dict(self.one.get(made.headers["Location"]).json())

    def executions(self) -> list[dict[str, Any]]:
        self.first.core.jobs.wait()
        return list(self.one.get(f"{API}/replication/executions").json())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_registry(tmp_path_factory.mktemp("program"))


@pytest.fixture
def pair(tmp_path: Path, program: Path) -> Iterator[Pair]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        serve(tmp_path / "one", program) as first,
        serve(tmp_path / "two", program) as second,
        without_cookies(first) as one,
        without_cookies(second) as two,
    ):
        made = one.post(f"{API}/projects", json={"project_name": "demo", "metadata": {"public": "true"}})
        assert made.status_code == 201
        endpoint = {
            "name": "second",
            "type": "harbor",
            "url": second.url,
            "credential": {"type": "basic", "access_key": "admin", "access_secret": ADMIN_PASSWORD},
        }
        assert one.post(f"{API}/registries", json=endpoint).status_code == 201
        yield Pair(first, second, one, two)


def without_cookies(served: Served) -> httpx.Client:
    """Return a client as Harbor's are: one that sends the cookie of a session back may not write."""
    client = httpx.Client(base_url=served.url, auth=ADMIN)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def push(client: httpx.Client, repository: str, tag: str = "1.0") -> None:
    for blob, digest in HELLO.blobs:
        begun = client.post(f"/v2/{repository}/blobs/uploads/")
        assert client.put(f"{begun.headers['Location']}&digest={digest}", content=blob).status_code == 201
    kind = {"Content-Type": MANIFEST}
    put = client.put(f"/v2/{repository}/manifests/{tag}", content=HELLO.manifest, headers=kind)
    assert put.status_code == 201


def digest(client: httpx.Client, repository: str, reference: str) -> str | None:
    answer = client.get(f"/v2/{repository}/manifests/{reference}", headers={"Accept": MANIFEST})
    return answer.headers.get("Docker-Content-Digest") if answer.status_code == 200 else None


def test_an_execution_by_hand_copies_what_the_rule_chooses(pair: Pair) -> None:
    push(pair.one, "demo/app")
    push(pair.one, "demo/other")
    ended = pair.execute(pair.policy(filters=[{"type": "name", "value": "demo/a*"}]))
    assert (ended["status"], ended["total"], ended["succeed"]) == ("Succeed", 1, 1)
    assert digest(pair.two, "demo/app", "1.0") == HELLO.digest
    assert digest(pair.two, "demo/other", "1.0") is None
    assert pair.two.get(f"{API}/projects/demo").json()["metadata"]["public"] == "true"


def test_a_push_is_carried_over_at_once_where_the_rule_waits_for_events(pair: Pair) -> None:
    pair.policy(trigger={"type": "event_based"})
    push(pair.one, "demo/app")
    assert [one["trigger"] for one in pair.executions()] == ["event_based"]
    assert digest(pair.two, "demo/app", "1.0") == HELLO.digest


def test_a_deletion_is_carried_over_where_the_rule_says_so(pair: Pair) -> None:
    pair.policy(trigger={"type": "event_based"}, replicate_deletion=True)
    push(pair.one, "demo/app")
    pair.executions()
    assert pair.one.delete(f"/v2/demo/app/manifests/{HELLO.digest}").status_code == 202
    pair.executions()
    assert digest(pair.two, "demo/app", HELLO.digest) is None


def test_a_schedule_runs_in_the_minute_that_it_names(pair: Pair) -> None:
    pair.policy(trigger={"type": "scheduled", "trigger_settings": {"cron": "0 */5 * * * *"}})
    push(pair.one, "demo/app")
    run_due(pair.first.core, datetime(2026, 1, 1, 10, 4, tzinfo=UTC))
    assert pair.executions() == []
    run_due(pair.first.core, datetime(2026, 1, 1, 10, 5, tzinfo=UTC))
    assert [one["status"] for one in pair.executions()] == ["Succeed"]
    assert digest(pair.two, "demo/app", "1.0") == HELLO.digest


def test_a_destination_that_refuses_makes_the_task_fail(pair: Pair) -> None:
    push(pair.one, "demo/app")
    policy = pair.policy()
    assert pair.two.put(f"{API}/configurations", json={"read_only": True}).status_code == 200
    ended = pair.execute(policy)
    assert (ended["status"], ended["failed"]) == ("Failed", 1)
    tasks = pair.one.get(f"{API}/replication/executions/{ended['id']}/tasks").json()
    assert [(one["status"], one["src_resource"]) for one in tasks] == [("Failed", "demo/app [1 item(s) in total]")]


def test_a_rule_may_pull_from_the_other_registry(pair: Pair) -> None:
    assert pair.two.post(f"{API}/projects", json={"project_name": "demo"}).status_code == 201
    push(pair.two, "demo/app")
    ended = pair.execute(pair.policy(src_registry={"id": 1}, dest_registry=None, dest_namespace="demo"))
    assert ended["status"] == "Succeed"
    artifacts = pair.one.get(f"{API}/projects/demo/repositories/app/artifacts").json()
    assert [one["digest"] for one in artifacts] == [HELLO.digest]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("", "cannot be empty"),
        ("* * * * *", "expected exactly 6"),
        ("* 5 * * * *", "must be 0"),
        ("0 * * * * *", "not allowed for the Minutes"),
    ],
)
def test_schedules_that_harbor_refuses_are_refused(pair: Pair, cron: str, words: str) -> None:
    trigger = {"type": "scheduled", "trigger_settings": {"cron": cron}}
    refused = pair.one.post(
        f"{API}/replication/policies", json={"name": "bad", "dest_registry": {"id": 1}, "trigger": trigger}
    )
    assert refused.status_code == 400
    assert words in refused.json()["errors"][0]["message"]


def test_an_endpoint_in_use_is_not_deleted(pair: Pair) -> None:
    policy = pair.policy()
    assert pair.one.delete(f"{API}/registries/1").status_code == 412
    assert pair.one.delete(policy).status_code == 200
    assert pair.one.delete(f"{API}/registries/1").status_code == 200


def test_an_endpoint_whose_login_is_refused_is_unhealthy(pair: Pair) -> None:
    refused = pair.one.put(f"{API}/registries/1", json={"access_secret": "Wrong-Passw0rd"})
    assert refused.json()["errors"][0]["message"] == "the registry is unhealthy"
    assert pair.one.post(f"{API}/registries/ping", json={"id": 1}).status_code == 200


def test_the_secret_of_an_endpoint_does_not_come_back(pair: Pair) -> None:
    shown = pair.one.get(f"{API}/registries/1")
    assert shown.json()["credential"]["access_secret"] == "*****"
    assert ADMIN_PASSWORD not in shown.text


def test_an_execution_can_be_stopped(pair: Pair) -> None:
    push(pair.one, "demo/app")
    ended = pair.execute(pair.policy())
    assert pair.one.put(f"{API}/replication/executions/{ended['id']}").status_code == 200
    until(lambda: pair.executions()[0]["status"] == "Succeed")  # one that has ended stays as it is


@pytest.mark.parametrize(
    ("namespace", "count", "name"),
    [("", -1, "a/b/c"), ("x", -1, "x/c"), ("x", 0, "x/a/b/c"), ("x", 1, "x/b/c"), ("x", 2, "x/c")],
)
def test_a_repository_is_named_as_the_rule_says(namespace: str, count: int, name: str) -> None:
    assert renamed({"dest_namespace": namespace, "dest_namespace_replace_count": count}, "a/b/c") == name


@given(st.sampled_from(["**", "demo/**", "demo/*", "{demo,other}/app"]))
def test_a_filter_that_excludes_chooses_the_rest(value: str) -> None:
    plain = {"filters": [{"type": "name", "value": value}]}
    excluding = {"filters": [{"type": "name", "value": value, "decoration": "excludes"}]}
    for name in ("demo/app", "demo/a/b", "other/app"):
        assert chooses(plain, name) != chooses(excluding, name)


def test_a_schedule_reads_lists_and_spans() -> None:
    monday = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
    assert is_due("0 30 8-18 * * 1-5", monday)
    assert is_due("0 0,30 * * * ?", monday)
    assert not is_due("0 30 8-18 * * 0,6", monday)
