"""What the inventory may say of mirrors, and what it is told where it may not."""

from __future__ import annotations

import pytest
from nornir.core.inventory import Host
from pydantic import ValidationError

from moor.errors import FieldErrors, InputError
from moor.tasks.facts import Registry
from moor.tasks.mirrors.settings import Mirrors, cache_url, mirrors_of, project_of, server_url

REGISTRY = Registry.model_validate({"name": "registry.moor.test", "address": "10.77.0.11", "port": 8443})


def test_a_registry_is_mirrored_by_its_name_alone() -> None:
    found = Mirrors.model_validate(
        {"docker.io": {}, "registry.corp.test:5000": {}, "quay.io": {"project": "q"}}
    ).by_name
    urls = {name: cache_url(REGISTRY, name, one) for name, one in found.items()}
    assert urls == {
        "docker.io": "https://registry.moor.test:8443/v2/docker.io",
        "registry.corp.test:5000": "https://registry.moor.test:8443/v2/registry.corp.test-5000",
        "quay.io": "https://registry.moor.test:8443/v2/q",
    }
    assert (server_url("docker.io"), server_url("quay.io")) == ("https://registry-1.docker.io", "https://quay.io")
    assert project_of("docker.io", found["docker.io"]) == "docker.io"


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"index.docker.io": {}}, "images of Docker Hub begin with docker.io"),
        ({"https://quay.io": {}}, "not the name of a registry"),
        ({"localhost": {}}, "not the name of a registry"),
        ({"quay.io:0": {}}, "not the name of a registry"),
        ({"docker.io": {"prove": "docker.io/library/busybox:1"}}, "the registry stands before already"),
        ({"docker.io": {"prove": "Busybox"}}, "not an image"),
        ({"docker.io": {"front": "https://hub.corp.test/v2/docker.io"}}, "and no path: Docker takes none"),
        ({"docker.io": {"front": "http://hub.corp.test"}}, "write https://HOST"),
        ({"quay.io": {"front": "https://hub.corp.test"}}, "Docker has mirrors of docker.io alone"),
        ({"quay.io": {"project": "x"}, "ghcr.io": {"project": "x"}}, "a project is the cache of one registry"),
        ({"docker.io": {"fallbck": True}}, "fallbck"),
    ],
)
def test_what_would_not_work_is_refused(tree: dict[str, object], words: str) -> None:
    with pytest.raises((ValidationError, FieldErrors)) as caught:
        Mirrors.model_validate(tree)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        (REGISTRY.model_copy(update={"api": "distribution"}), "is no Harbor, which has proxy caches"),
        (
            Registry.model_validate({"name": "quay.io", "address": "10.77.0.11"}),
            "quay.io: it is this registry itself",
        ),
    ],
)
def test_a_registry_that_cannot_cache_it_is_named(registry: Registry, words: str) -> None:
    host = Host(name="node1", data={"registry": registry, "mirrors": Mirrors.model_validate({"quay.io": {}})})
    with pytest.raises(InputError, match=words):
        mirrors_of(host)
