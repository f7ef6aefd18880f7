"""Pull secrets that hold logins of others beside ours: pure, and on the stand-in's API served over TLS."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube import Client
from lightkube.resources.core_v1 import Secret as KubeSecret
from nornir.core.task import Task

from moor.engine.plan import plan
from moor.resources.base import State
from moor.secrets.secret import Secret
from moor.tasks.cluster.api import Tree
from moor.tasks.registry.logins import DATA_KEYS, RegistryLogin, read_login
from moor.tasks.workload.pull_secret import PullSecret
from moor.tasks.workload.pull_secret_content import has_login, login_state, with_login
from tests.kubernetes.samples import secret
from tests.kubernetes.served import Api
from tests.tasks.clusters import run

HOST = "registry.moor.test"
JSON, OLD = DATA_KEYS
OTHERS = {
    "ghcr.io": {"auth": base64.b64encode(b"bot:ghp_x").decode(), "email": "bot@corp.test"},
    "https://index.docker.io/v1/": {"username": "hub", "password": "pw"},
    f"https://{HOST}": {"auth": base64.b64encode(b"old:spelling").decode()},
    f"{HOST}:443": {"identitytoken": "t"},
    f"{HOST}/other": {"auth": base64.b64encode(b"narrower:path").decode()},
    "*.moor.test": {"auth": "not base64 at all"},
}
LOGIN = ("robot$demo+puller", Secret("Pa$$w0rd'\""))


def stored(kind: str, content: object) -> Tree:
    data = {DATA_KEYS[kind]: base64.b64encode(json.dumps(content).encode()).decode()}
    return {"type": kind, "metadata": {"name": "registry", "resourceVersion": "7"}, "data": data}


def content_of(tree: Tree) -> Any:
    return json.loads(base64.b64decode(tree["data"][DATA_KEYS[tree["type"]]]))


Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
Logins = st.dictionaries(st.sampled_from([*OTHERS, HOST, "a.test"]), Json, max_size=5)


@given(Logins, st.dictionaries(st.sampled_from(["credHelpers", "HttpHeaders"]), Json, max_size=2), st.booleans())
def test_every_login_but_ours_stays_as_it_is_and_ours_is_held(logins: Any, beside: Any, old: bool) -> None:
    found = stored(OLD, logins) if old else stored(JSON, {**beside, "auths": logins})
    after = {**with_login(found, HOST, LOGIN)}
    assert after["type"] == found["type"]
    assert after["metadata"] == {"resourceVersion": "7"}
    left = content_of(after) if old else content_of(after)["auths"]
    assert {key: value for key, value in left.items() if key != HOST} == {k: v for k, v in logins.items() if k != HOST}
    assert old or {key: value for key, value in content_of(after).items() if key != "auths"} == beside
    assert has_login(after, HOST, LOGIN)


@given(Json)
def test_content_of_any_shape_is_read_without_an_error(content: Any) -> None:
    for kind in DATA_KEYS:
        assert not has_login(stored(kind, content), HOST, LOGIN)
        assert has_login(with_login(stored(kind, content), HOST, LOGIN), HOST, LOGIN)


def test_a_robots_dollar_sign_survives_to_the_pull_secret_byte_for_byte() -> None:
    made = with_login(None, HOST, LOGIN)
    assert login_state(made, HOST) == {f"{HOST} user": LOGIN[0], f"{HOST} password": LOGIN[1].sha256()}


def test_a_pull_secret_is_planned_by_registry_when_the_robots_password_is_another_and_shows_none() -> None:
    held = PullSecret("demo", "registry", HOST, "demo", "puller")
    known: State = {"robot": LOGIN[0], "wanted": Secret("newPassw0rd"), "type": JSON, f"{HOST} user": LOGIN[0]}
    right: State = {**known, f"{HOST} password": Secret("newPassw0rd").sha256()}
    assert plan([held], {held.id: right}) == []
    (change,) = plan([held], {held.id: {**known, f"{HOST} password": Secret("oldPassw0rd").sha256()}})
    assert change.diff == f"{HOST} password: *** -> ***"


class Known(PullSecret):
    """A pull secret whose robot need not be asked of Harbor."""

    def _login(self, task: Task) -> tuple[str, Secret] | None:
        return LOGIN


HELD = Known("demo", "registry", HOST, "demo", "puller")


def put(client: Client, kind: str, content: object) -> None:
    made: Any = KubeSecret.from_dict({**stored(kind, content), "metadata": {"name": "registry", "namespace": "demo"}})
    client.apply(made, field_manager="kubectl", force=True)


def read(client: Client) -> Any:
    return content_of(client.get(KubeSecret, "registry").to_dict())


@pytest.mark.parametrize("kind", DATA_KEYS)
def test_others_logins_survive_an_apply_and_nothing_is_left_to_plan(api: Api, client: Client, kind: str) -> None:
    put(client, kind, OTHERS if kind == OLD else {"auths": OTHERS, "HttpHeaders": {"a": "b"}})
    planned = run(api.kubeconfig, [HELD], plan=True)
    user, word = f"{HOST} user: (none) -> {LOGIN[0]}", f"{HOST} password: (none) -> ***"
    names = ", ".join(sorted(OTHERS))
    assert sorted(planned.diff[HELD.id].splitlines()) == sorted(
        [user, word, f"other logins: {names} -> {names} (kept)"]
    )
    assert run(api.kubeconfig, [HELD]).status == {HELD.id: "changed"}
    after = read(client) if kind == OLD else read(client)["auths"]
    assert {key: after[key] for key in OTHERS} == OTHERS
    assert read_login(HOST, after[HOST]) == RegistryLogin(LOGIN[0], LOGIN[1].reveal())
    assert run(api.kubeconfig, [HELD], plan=True).planned == []


@pytest.mark.parametrize("first", [None, {"auths": {"ghcr.io": OTHERS["ghcr.io"]}}], ids=["missing", "there"])
def test_what_somebody_adds_between_our_reading_and_our_writing_is_not_lost(
    api: Api, client: Client, first: object
) -> None:
    if first:
        put(client, JSON, first)
    late = {"auths": {**((first or {}).get("auths", {})), "late.test": {"auth": "eDp5"}}}  # type: ignore[attr-defined]
    ran = run(api.kubeconfig, [Meddled("demo", "registry", HOST, "demo", "puller", lambda: put(client, JSON, late))])
    assert (ran.error, ran.status) == ("", {HELD.id: "changed"})
    assert set(read(client)["auths"]) == {*late["auths"], HOST}


class Meddled(Known):
    """Somebody writes the secret just after it was read for the first time to be changed."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words[:-1])
        object.__setattr__(self, "meddle", words[-1])

    def _put(self, task: Task, found: Tree | None, login: tuple[str, Secret], dry_run: bool = False) -> None:
        meddle: Callable[[], None] | None = getattr(self, "meddle", None)
        if meddle and not dry_run:
            object.__setattr__(self, "meddle", None)
            meddle()
        super()._put(task, found, login, dry_run)


def test_a_secret_of_another_type_is_somebodys_own_and_is_refused_in_the_plan(api: Api, client: Client) -> None:
    made: Any = KubeSecret.from_dict({**secret(key="value"), "metadata": {"name": "registry", "namespace": "demo"}})
    client.create(made)
    for planning in (True, False):
        ran = run(api.kubeconfig, [HELD], plan=planning)
        assert "it is of type Opaque, which is not a pull secret's" in ran.error
        assert "give the workload another pull_secret" in ran.error
    assert client.get(KubeSecret, "registry").data == {"key": base64.b64encode(b"value").decode()}


def test_a_secret_that_must_not_change_is_refused_in_the_plan(api: Api, client: Client) -> None:
    made = {**stored(JSON, {"auths": {}}), "metadata": {"name": "registry", "namespace": "demo"}, "immutable": True}
    locked: Any = KubeSecret.from_dict(made)
    client.create(locked)
    assert "field is immutable when `immutable` is set" in run(api.kubeconfig, [HELD], plan=True).error
