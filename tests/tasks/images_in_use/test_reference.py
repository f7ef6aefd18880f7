"""Names of images are completed as containerd and Docker complete them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.image_reference import ImageReference, digest_in, parse_image

SUM = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("quay.io/coreos/etcd:v3.5", "quay.io/coreos/etcd:v3.5"),
        ("localhost/app", "localhost/app:latest"),
        ("registry.corp:5000/app", "registry.corp:5000/app:latest"),
        ("registry.corp:5000/shop/web:1", "registry.corp:5000/shop/web:1"),
        ("10.0.0.5:5000/a__b/c-d.e:V_1", "10.0.0.5:5000/a__b/c-d.e:V_1"),
        ("[fd00::5]:5000/app:1", "[fd00::5]:5000/app:1"),
        ("Corp/app", "Corp/app:latest"),  # upper case is only in a registry's name
        (f"nginx@{SUM}", f"docker.io/library/nginx@{SUM}"),
        (f"registry.corp/app:1@{SUM}", f"registry.corp/app:1@{SUM}"),
    ],
)
def test_a_name_is_completed(name: str, full: str) -> None:
    assert str(parse_image(name)) == full


def test_a_digest_counts_before_a_tag() -> None:
    assert parse_image(f"registry.corp/app:1@{SUM}").reference == SUM
    assert parse_image("registry.corp/app").reference == "latest"


@pytest.mark.parametrize(
    "name",
    [
        "", ":1", "/app", "registry.corp/", "registry.corp/App", "app:", "app:a b", "app@sha256:12", "app@", "a//b",
        "app:-1", "registry corp/app", "https://registry.corp/app", "registry.corp:x/app", "0123456789abcdef" * 4,
        f"app@{SUM.upper()}", f"registry.corp/{'a' * 250}", "${IMAGE}",
    ],
)  # fmt: skip
def test_a_name_that_runtimes_refuse_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_image(name)


parts = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?", fullmatch=True)
registries = st.sampled_from(["docker.io", "quay.io", "localhost:5000", "registry.corp.test:8443", "[::1]:5000"])
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(registries, st.lists(parts, min_size=2, max_size=4), tags, st.sampled_from(["", SUM]))
def test_a_full_name_means_itself(registry: str, path: list[str], tag: str, digest: str) -> None:
    image = ImageReference(registry, "/".join(path), tag, digest)
    assert parse_image(str(image)) == image


@given(st.text(max_size=60))
def test_any_text_is_an_image_whose_full_name_means_the_same_or_is_refused(name: str) -> None:
    try:
        image = parse_image(name)
    except ValueError:
        return
    assert parse_image(str(image)) == image


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"docker.io/library/nginx@{SUM}", SUM),
        (f"docker-pullable://nginx@{SUM}", SUM),
        (SUM, ""),
        ("docker://" + SUM, ""),
        ("", ""),
        ("nginx@sha256:short", ""),
    ],
)
def test_the_digest_of_a_running_image_is_that_of_its_registry(image_id: str, digest: str) -> None:
    assert digest_in(image_id) == digest
