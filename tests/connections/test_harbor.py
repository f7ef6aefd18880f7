"""Answers and refusals of Harbor's API, and answers of something else in its place."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import CONFIGURATION, MANIFEST, PROJECT, ROBOTS, parse_answer
from moor.errors import HostError
from moor.tasks.diagnosis.controller_facts import _image
from moor.tasks.expiry.dates import all_robots
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.robots import find_robot, validity
from tests.connections.kubeconfigs import Answering, Issuer, answering

ROBOT = {"id": 7, "name": "robot$demo+puller", "duration": 30, "expires_at": 1, "permissions": []}


def answer(status: int) -> httpx2.Response:
    errors = {"errors": [{"code": "REFUSED", "message": "no"}]}
    return httpx2.Response(status, json=errors, request=httpx2.Request("GET", "https://h/api/v2.0/projects/demo"))


@pytest.mark.parametrize(("status", "about_password"), [(401, True), (403, False), (409, False), (500, False)])
def test_a_refused_login_names_the_password_to_check(status: int, about_password: bool) -> None:
    with pytest.raises(HostError) as refused:
        require_success(answer(status))
    assert str(refused.value).startswith(f"GET /api/v2.0/projects/demo: {status}: REFUSED: no")
    assert ("data.harbor.admin_password" in str(refused.value)) == about_password


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answering, Harbor]]:
    """Serve TLS in Harbor's place, and return the server and a client."""
    issuer = Issuer()
    with answering(issuer.pair(["harbor.moor.test"]), tmp_path_factory.mktemp("harbor")) as server:
        trust = ssl.create_default_context(cadata=issuer.authority.decode())
        harbor = Harbor("harbor.moor.test", "127.0.0.1", int(server.url.rpartition(":")[2]), ("admin", "x"), trust)
        yield server, harbor
        harbor.close()


def refusal_of(ask: Callable[[], object]) -> str:
    """Return the message of the error; empty if there is none."""
    try:
        ask()
    except HostError as error:
        return str(error)
    return ""


def robots_of(harbor: Harbor) -> object:
    return list(all_robots(Answers(harbor), ["demo"]))


QUESTIONS: dict[str, Callable[[Harbor], object]] = {
    "a robot": lambda harbor: find_robot(harbor, "demo", "puller"),
    "all robots": robots_of,
    "an image": lambda harbor: _image(harbor, "demo/web:1.0"),
    "a configuration": lambda harbor: harbor.blob("demo/web", "sha256:0"),
}
BODIES = {
    "a login page": b"<!DOCTYPE html><title>Sign in</title>",
    "nothing": b"",
    "garbage": b"\xff\x00\x1b[2J",
    "no object": b"[null, 3]",
    "a text": b'"fine"',
    "nested without end": b"[" * 100_000,
    "robots of other keys": b'{"project_id": "seven", "config": {}, "manifests": [[]]}',
}


@pytest.mark.parametrize("code", [200, 204, 301, 401, 500, 503])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_that_is_not_harbor_s_is_one_sentence(
    served: tuple[Answering, Harbor], question: str, body: str, code: int
) -> None:
    server, harbor = served
    server.answer = lambda _: (code, "text/html", BODIES[body] if code != 204 else b"")
    said = refusal_of(lambda: QUESTIONS[question](harbor))
    if code == 401 or (question, body) == ("a configuration", "robots of other keys"):
        return  # the registry says so of what is not there; any object passes for a configuration
    assert re.fullmatch(r"(GET /\S+: \d+: |https://harbor.moor.test: )[^\n]+", said)


def test_a_page_in_front_of_harbor_is_recognised(served: tuple[Answering, Harbor]) -> None:
    server, harbor = served
    server.answer = lambda _: (200, "text/html", b"\n<html>")
    with pytest.raises(HostError) as told:
        find_robot(harbor, "demo", "puller")
    assert str(told.value) == (
        "GET /api/v2.0/projects/demo: 200: a page, and no answer of Harbor's; "
        "is a proxy or a login page in front of it?"
    )


def test_a_server_that_repeats_a_page_for_ever_is_asked_for_two(served: tuple[Answering, Harbor]) -> None:
    server, harbor = served
    body = json.dumps([{**ROBOT, "id": number} for number in range(100)]).encode()
    server.answer = lambda _: (200, "application/json", body)
    server.asked.clear()
    assert len(list(all_robots(Answers(harbor), []))) == 100
    assert len(server.asked) == 2


def test_unknown_fields_of_a_robot_are_kept() -> None:
    robot = {**ROBOT, "editable": True, "permissions": [{"kind": "project", "access": [], "namespace": "demo"}]}
    assert parse_answer(ROBOTS, httpx2.Response(200, json=[robot])) == [robot]


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
trees = st.recursive(
    scalars,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "name", "expires_at", "permissions", "access", "config", "platform", "digest"]),
            below,
        )
    ),
    max_leaves=8,
)
changed = st.dictionaries(st.sampled_from(sorted(ROBOT)), trees).map(lambda some: [{**ROBOT, **some}])


@given(changed | trees, st.sampled_from([PROJECT, ROBOTS, MANIFEST, CONFIGURATION]))
def test_any_answer_is_parsed_or_an_error(tree: Any, shape: Any) -> None:
    answer = httpx2.Response(200, content=json.dumps(tree), request=httpx2.Request("GET", "https://h/x"))
    if said := refusal_of(lambda: parse_answer(shape, answer)):
        assert said.startswith("GET /x: 200: no answer of Harbor's: ")
    elif shape is ROBOTS:
        assert all(map(validity, parse_answer(shape, answer)))
