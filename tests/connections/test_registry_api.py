"""A registry is asked as runtimes ask it: with tokens that are shared, and with logins that go nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.apis.registry_address import may_get_login, public_address
from moor.connections.apis.registry_api import RegistryApi
from moor.connections.apis.registry_tokens import Challenge, read_challenge
from moor.errors import ErrorKind, HostError
from moor_lab.image_registry import ImageRegistry
from tests.harness.registries import public_registries
from tests.harness.servers import free_port

LOGIN = ("robot", "r:ight")


class Asking:
    """Registries, and clients of them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack, self._folder = stack, folder

    def __call__(self, *registries: ImageRegistry) -> RegistryApi:
        """Serve registries, and return a client of the first."""
        self._stack.enter_context(public_registries(self._folder, *registries))
        for one in registries:
            one.realm = one.realm.replace("PORT", str(registries[-1].port))
        api = RegistryApi(public_address(registries[0].host))
        self._stack.callback(api.close)
        return api


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    with ExitStack() as stack:
        yield Asking(stack, tmp_path)


def with_token(realm: str = "") -> ImageRegistry:
    made = ImageRegistry("quay.test", "token", realm, {"robot": "r:ight"}, {"app/web": {"robot"}})
    made.put("app/web", "1")
    made.put("app/web", "2", content="new")
    made.put("open/tool", "1")
    return made


def test_a_token_is_asked_for_once_a_repository_and_login(asking: Asking) -> None:
    registry = with_token()
    api = asking(registry)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda tag: api.manifest("HEAD", "app/web", tag, LOGIN).status, ["1", "2", "1", "3"]))
    assert found == [200, 200, 200, 404]
    assert [one.target.partition("?")[0] for one in registry.asked].count("/token") == 1
    assert registry.count() == 1 + 1 + 4  # how to log in, the token, the images
    assert api.requests == registry.count()
    assert api.manifest("HEAD", "app/web", "1", None).status == 401
    assert api.manifest("HEAD", "open/tool", "1", None).status == 200
    assert api.manifest("HEAD", "app/web", "1", ("robot", "wrong")).status == 401


def test_a_token_that_has_run_out_is_asked_for_again(asking: Asking) -> None:
    registry = with_token()
    api = asking(registry)
    assert api.manifest("HEAD", "app/web", "1", LOGIN).status == 200
    registry.revoke_tokens()
    assert api.manifest("HEAD", "app/web", "1", LOGIN).status == 200
    assert api.manifest("HEAD", "app/web", "2", LOGIN).status == 200
    assert [one.target.partition("?")[0] for one in registry.asked].count("/token") == 2


def test_connections_are_kept_open_and_manifests_are_whole(asking: Asking) -> None:
    registry = ImageRegistry("quay.test")
    digest = registry.put("app/web", "1", machines=("amd64", "arm64"))
    answer = asking(registry).manifest("GET", "app/web", "1", None)
    assert answer.headers["docker-content-digest"] == digest
    assert len(json.loads(answer.body)["manifests"]) == 2


def test_a_basic_login_is_sent_if_it_is_asked_for(asking: Asking) -> None:
    registry = ImageRegistry("quay.test", "basic", passwords={"robot": "r:ight"})
    registry.put("app/web", "1")
    api = asking(registry)
    assert [api.manifest("HEAD", "app/web", "1", login).status for login in (LOGIN, None, ("robot", "x"))] == [
        200,
        401,
        401,
    ]
    assert registry.asked[0].authorization == ""


def test_an_open_registry_gets_no_login(asking: Asking) -> None:
    registry = ImageRegistry("quay.test")
    registry.put("app/web", "1")
    assert asking(registry).manifest("HEAD", "app/web", "1", LOGIN).status == 200
    assert {one.authorization for one in registry.asked} == {""}


def test_a_login_does_not_go_to_a_token_service_of_others(asking: Asking) -> None:
    strange = ImageRegistry("tokens.other.test")
    registry = with_token(realm="https://tokens.other.test:PORT/token")
    api = asking(registry, strange)
    with pytest.raises(HostError, match=r"tokens\.other\.test for a token, a host of others") as refused:
        api.manifest("HEAD", "app/web", "1", LOGIN)
    assert strange.asked == []
    assert "r:ight" not in str(refused.value)
    api.manifest("HEAD", "open/tool", "1", None)
    assert {one.authorization for one in strange.asked} == {""}


def test_a_redirect_is_followed_without_the_login(asking: Asking) -> None:
    store = ImageRegistry("store.other.test")
    store.put("app/web", "1")
    registry = ImageRegistry("quay.test", "basic", passwords={"robot": "r:ight"})
    api = asking(registry, store)
    registry.redirects["/v2/app/"] = f"https://{store.host}"
    assert api.manifest("HEAD", "app/web", "1", LOGIN).status == 200
    assert {one.authorization for one in store.asked} == {""}
    for elsewhere in ("http://store.other.test", "https://[store"):
        registry.redirects["/v2/app/"] = elsewhere
        with pytest.raises(HostError, match="no HTTPS"):
            api.manifest("HEAD", "app/web", "1", LOGIN)


@pytest.mark.parametrize(
    "realm", ["https://[tokens", "https://tokens.test:seven/token", "tokens.test", "http://tokens.test"]
)
def test_a_token_service_whose_address_is_no_url_is_told(asking: Asking, realm: str) -> None:
    registry = with_token()
    api = asking(registry)
    registry.realm = realm
    with pytest.raises(HostError, match=r"quay\.test:\d+: its token service is .*, no URL of HTTPS"):
        api.manifest("HEAD", "app/web", "1", LOGIN)


def test_a_silent_registry_is_asked_once(tmp_path: Path) -> None:
    with public_registries(tmp_path, ImageRegistry("quay.test")):
        api = RegistryApi(public_address(f"quay.test:{free_port()}"))
        for _ in range(3):
            with pytest.raises(HostError, match="no answer") as silent:
                api.manifest("HEAD", "app/web", "1", LOGIN)
            assert silent.value.kind is ErrorKind.UNREACHABLE
        assert api.requests == 1
        api.close()


def test_docker_hub_is_asked_where_its_registry_is() -> None:
    assert public_address("docker.io").url == "https://registry-1.docker.io"


@pytest.mark.parametrize(
    ("registry", "host", "may"),
    [
        ("docker.io", "auth.docker.io", True),
        ("docker.io", "auth.evil.io", False),
        ("ghcr.io", "ghcr.io", True),
        ("ghcr.io", "evil.io", False),
        ("registry.gitlab.com", "gitlab.com", True),
        ("registry.corp.test:5000", "sso.corp.test", True),
        ("registry.corp.test", "corp.test.evil.test", False),
        ("registry.co.uk", "evil.co.uk", False),
        ("registry.corp.co.uk", "sso.corp.co.uk", True),
        ("10.0.0.5:5000", "10.0.0.5", True),
        ("10.0.0.5:5000", "7.0.0.5", False),
        ("registry", "tokens", False),
    ],
)
def test_a_token_service_gets_logins_if_it_is_of_the_same_domain(registry: str, host: str, may: bool) -> None:
    assert may_get_login(registry, host) == may


labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.lists(labels, min_size=2, max_size=4).map(".".join), st.lists(labels, min_size=2, max_size=4).map(".".join))
def test_hosts_without_a_common_domain_get_no_logins_of_each_other(one: str, other: str) -> None:
    if one.split(".")[-2:] != other.split(".")[-2:]:
        assert not may_get_login(one, other)


def test_challenges_are_read() -> None:
    header = 'Bearer realm="https://a.test/t?x=1",service="a.test",scope="repository:x:pull"'
    assert read_challenge(header) == Challenge("bearer", "https://a.test/t?x=1", "a.test")
    assert read_challenge('Basic realm="x"').scheme == "basic"
    assert read_challenge("") == Challenge()


def test_harbor_gets_a_login_at_once_and_a_token_for_none(tmp_path: Path) -> None:
    registry = ImageRegistry("harbor.test", "harbor", passwords={"robot": "r:ight"})
    for number in range(3):
        registry.put(f"app/web-{number}", "1")
    with public_registries(tmp_path, registry):
        api = RegistryApi(replace(public_address(registry.host), takes_basic=True))
        for number in range(3):
            assert api.manifest("HEAD", f"app/web-{number}", "1", LOGIN).status == 200
        assert registry.count() == 3
        for number in range(3):
            assert api.manifest("HEAD", f"app/web-{number}", "1", None).status == 200
        assert registry.count() == 3 + 1 + 2 * 3
        api.close()
