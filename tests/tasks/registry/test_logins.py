"""Logins in a pull secret are read by kubelet's rules."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import UnreadableSecret
from moor.tasks.registry.logins import (
    DOCKER_CFG,
    DOCKER_CONFIG,
    RegistryLogin,
    logins_for,
    matches_repository,
    place_of,
    read_logins,
)

HOST = "registry.moor.test"
IMAGE = f"{HOST}/shop/web"
LABEL = st.from_regex(r"[a-z][a-z0-9-]{0,6}[a-z0-9]", fullmatch=True)
HOSTS = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
PATHS = st.lists(LABEL, min_size=1, max_size=3).map(lambda labels: "/" + "/".join(labels))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["auths", "Auths", "auth", "username", HOST, "*.moor.test"]), below)
    ),
    max_leaves=12,
)


def secret(auths: Any, kind: str = DOCKER_CONFIG) -> dict[str, Any]:
    key, tree = (".dockercfg", auths) if kind == DOCKER_CFG else (".dockerconfigjson", {"auths": auths})
    return {"type": kind, "data": {key: base64.b64encode(json.dumps(tree).encode()).decode()}}


def auth(user: str, word: str = "word") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{word}".encode()).decode()}


def users(repository: str, *secrets: dict[str, Any]) -> list[str]:
    return [login.user for login in logins_for(secrets, repository)]


@pytest.mark.parametrize(
    ("key", "holds"),
    [
        (HOST, True), (f"https://{HOST}", True), (f"http://{HOST}/", True), (f"https://{HOST}/v2/", True),
        (f"{HOST}/v1/", True), (f"{HOST}/shop", True), (f"{HOST}/shop/web", True), (f"{HOST}/sho", True),
        (f"https://{HOST}/v2/shop", True), ("*.moor.test", True), ("reg*.moor.test", True), ("*.*.test", True),
        ("*.*.*", True), (f"https://user@{HOST}", True), (f"{HOST}?x=1", True),
        (f"{HOST}:443", False), (f"{HOST}/other", False), (f"https://{HOST}/v2", False), ("*.test", False),
        ("moor.test", False), ("*", False), (f"{HOST}:*", False), ("REGISTRY.moor.test", False), ("", False),
        (f"x{HOST}", False), (f"{HOST} ", False), ("%zz.moor.test", False), (f"ftp://{HOST}", False),
    ],
)  # fmt: skip
def test_a_key_matches_the_images_that_kubelet_matches(key: str, holds: bool) -> None:
    assert users(IMAGE, secret({key: auth("me")})) == (["me"] if holds else [])


def test_a_port_is_part_of_the_key() -> None:
    assert users(f"{HOST}:8443/shop/web", secret({f"{HOST}:8443": auth("me"), HOST: auth("other")})) == ["me"]
    assert users("[fd00::1]:5000/shop/web", secret({"[fd00::1]:5000": auth("me")})) == ["me"]


def test_the_older_type_is_read_and_other_types_are_ignored() -> None:
    assert users(IMAGE, secret({HOST: auth("me")}, DOCKER_CFG)) == ["me"]
    wrong = {**secret({HOST: auth("me")}), "type": "Opaque"}
    assert read_logins(wrong) is None
    assert users(IMAGE, wrong, {"type": DOCKER_CONFIG}, secret({HOST: auth("me")})) == ["me"]


def test_several_logins_are_tried_from_the_longest_path_on() -> None:
    keys = {
        HOST: auth("all"),
        f"{HOST}/shop": auth("shop"),
        f"{HOST}/shop/web": auth("web"),
        "*.moor.test": auth("any"),
    }
    assert users(IMAGE, secret(keys)) == ["web", "shop", "all", "any"]
    assert users(IMAGE, secret({HOST: auth("first")}), secret({HOST: auth("second")})) == ["first", "second"]


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        (auth("me", "a:b"), RegistryLogin("me", "a:b")),
        ({**auth("me"), "username": "you", "password": "no"}, RegistryLogin("me", "word")),
        ({"username": "me", "password": "word"}, RegistryLogin("me", "word")),
        ({"Username": "me", "PASSWORD": "word"}, RegistryLogin("me", "word")),
        ({"auth": auth("me")["auth"].rstrip("=")}, RegistryLogin("me", "word")),
        ({"auth": auth("me")["auth"][:4] + "\n" + auth("me")["auth"][4:]}, RegistryLogin("me", "word")),
        ({"auth": "", "username": "me"}, RegistryLogin("me", "")),
        (None, RegistryLogin("", "")), ({}, RegistryLogin("", "")),
    ],
)  # fmt: skip
def test_an_entry_is_read_as_kubelet_reads_it(entry: Any, login: RegistryLogin) -> None:
    assert logins_for([secret({HOST: entry})], IMAGE) == [login]


@pytest.mark.parametrize(
    "auths",
    [
        {HOST: {"auth": "bm9jb2xvbg=="}}, {HOST: {"auth": "%%%"}}, {HOST: {"auth": 5}}, {HOST: "me:word"},
        {HOST: auth("me"), "else.test": {"auth": "%%%"}}, [HOST], "me", {HOST: {"username": ["me"]}},
    ],
)  # fmt: skip
def test_one_entry_that_cannot_be_read_makes_kubelet_fail_for_all_images(auths: Any) -> None:
    with pytest.raises(UnreadableSecret) as caught:
        logins_for([secret({HOST: auth("me")}), secret(auths)], IMAGE)
    assert "word" not in str(caught.value)


def test_no_login_shows_its_password() -> None:
    assert "Passw0rd" not in repr(RegistryLogin("me", "Passw0rd"))


@given(HOSTS, PATHS)
def test_a_host_without_a_path_matches_all_its_images(host: str, path: str) -> None:
    for key in (host, f"https://{host}", f"http://{host}/", f"https://{host}/v1/", f"{host}/v2/"):
        place = place_of(key)
        assert place == host
        assert matches_repository(place, host + path)
        assert not matches_repository(place, f"{host}:5000{path}")
        assert not matches_repository(place, f"x.{host}{path}")


@given(HOSTS, PATHS)
def test_a_star_matches_one_label(host: str, path: str) -> None:
    first, _, rest = host.partition(".")
    assert matches_repository(f"*.{rest}", host + path)
    assert matches_repository(f"{first[:1]}*.{rest}", host + path)
    assert not matches_repository(f"*.{host}", host + path)
    assert not matches_repository(f"*.{rest}", rest + path)


@given(HOSTS, PATHS, PATHS)
def test_a_path_matches_images_below_it(host: str, path: str, below: str) -> None:
    assert matches_repository(host + path, host + path + below)
    assert matches_repository(host + path, host + path)
    assert matches_repository(host + path, host + below) is below.startswith(path)


@given(JSON | st.dictionaries(st.just("auths"), JSON), st.sampled_from([DOCKER_CONFIG, DOCKER_CFG, "Opaque", None]))
def test_any_secret_is_read_or_refused(content: Any, kind: str | None) -> None:
    raw = base64.b64encode(json.dumps(content).encode()).decode()
    held = {"type": kind, "data": {".dockerconfigjson": raw, ".dockercfg": raw}}
    with contextlib.suppress(UnreadableSecret):
        logins_for([held], IMAGE)


@given(st.text(max_size=30))
def test_any_key_is_read_or_ignored(key: str) -> None:
    assert users(IMAGE, secret({key: auth("me")})) in ([], ["me"])
