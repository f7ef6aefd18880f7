"""Image names of manifests in the registry's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.workload.image_names import (
    full_name,
    images_in,
    rewrite_image,
    split_suffix,
    with_pull_secret,
    with_rewritten_images,
)

OURS = "registry.test:8443"
RULES = {"docker.io": "hub", "docker.io/acme": "acme", "quay.io/org/app": "apps/app", "localhost:5000": "local"}
DIGEST = f"sha256:{'0' * 64}"
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


@pytest.mark.parametrize(
    ("image", "ours"),
    [
        ("redis", f"{OURS}/hub/library/redis"),
        ("redis:7", f"{OURS}/hub/library/redis:7"),
        ("docker.io/redis:7", f"{OURS}/hub/library/redis:7"),
        ("index.docker.io/library/redis", f"{OURS}/hub/library/redis"),
        ("acme/web:1", f"{OURS}/acme/web:1"),
        ("acmes/web:1", f"{OURS}/hub/acmes/web:1"),
        (f"quay.io/org/app:1@{DIGEST}", f"{OURS}/apps/app:1@{DIGEST}"),
        (f"quay.io/org/app@{DIGEST}", f"{OURS}/apps/app@{DIGEST}"),
        ("quay.io/org/app/sub:2", f"{OURS}/apps/app/sub:2"),
        ("quay.io/org/application:2", "quay.io/org/application:2"),
        ("localhost:5000/a/b", f"{OURS}/local/a/b"),
        (f"{OURS}/shop/web:1", f"{OURS}/shop/web:1"),
        ("ghcr.io/acme/web", "ghcr.io/acme/web"),
    ],
)
def test_an_image_of_another_registry_is_named_as_ours_has_it(image: str, ours: str) -> None:
    assert rewrite_image(image, RULES, OURS) == ours


@given(st.lists(WORDS, min_size=1, max_size=3), WORDS, st.booleans())
def test_only_the_registry_of_a_name_changes_and_it_changes_once(path: list[str], tag: str, digest: bool) -> None:
    image = f"docker.io/{'/'.join(['org', *path])}:{tag}" + (f"@{DIGEST}" if digest else "")
    ours = rewrite_image(image, {"docker.io": "hub"}, OURS)
    assert ours == f"{OURS}/hub/{image.removeprefix('docker.io/')}"
    assert rewrite_image(ours, {"docker.io": "hub"}, OURS) == ours
    assert "".join(split_suffix(image)) == full_name(image) == image


def test_every_place_of_a_pod_that_names_an_image_is_rewritten() -> None:
    pod = {
        "initContainers": [{"image": "a"}],
        "containers": [{"image": "b:1"}, {"name": "none"}],
        "volumes": [{"image": {"reference": "c"}}, {"emptyDir": {}}],
    }
    content = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}
    changed = with_rewritten_images(content, {"docker.io": "hub"}, OURS)
    assert images_in(changed) == [f"{OURS}/hub/library/a", f"{OURS}/hub/library/b:1", f"{OURS}/hub/library/c"]
    assert images_in(content) == ["a", "b:1", "c"]  # of the owner, and as it was


@pytest.mark.parametrize(
    ("image", "named", "expected"),
    [
        (f"{OURS}/shop/web", None, ["registry"]),
        (f"{OURS}/shop/web", [{"name": "theirs"}], ["theirs", "registry"]),
        (f"{OURS}/shop/web", [{"name": "registry"}], ["registry"]),
        ("quay.io/shop/web", [{"name": "theirs"}], ["theirs"]),
    ],
)
def test_pods_with_images_of_ours_get_the_pull_secret_beside_those_that_they_name(
    image: str, named: list[dict[str, str]] | None, expected: list[str]
) -> None:
    spec = {"containers": [{"image": image}], "imagePullSecrets": named}
    changed = with_pull_secret({"kind": "Deployment", "spec": {"template": {"spec": spec}}}, "registry", OURS)
    found = changed["spec"]["template"]["spec"]["imagePullSecrets"]
    assert [one["name"] for one in found] == expected
