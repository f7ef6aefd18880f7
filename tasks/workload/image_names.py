"""Image names in manifests: those of other registries rewritten to ours, and the pull secret that ours need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from moor.tasks.cluster.admission import pod_spec_of

DOCKER_HUB, OFFICIAL = "docker.io", "library"
OTHER_NAMES = {"index.docker.io": DOCKER_HUB, "registry-1.docker.io": DOCKER_HUB}
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def image_fields(content: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each place of an object's pods that names an image: a mapping and its key."""
    spec = pod_spec_of(content)
    for kind in CONTAINERS:
        yield from ((one, "image") for one in spec.get(kind) or [] if isinstance(one, dict))
    for volume in spec.get("volumes") or []:
        if isinstance(volume, Mapping) and isinstance(source := volume.get("image"), dict):
            yield source, "reference"


def images_in(content: Mapping[str, Any]) -> list[str]:
    """Return the images that an object's pods name."""
    return [str(place[key]) for place, key in image_fields(content) if place.get(key)]


def split_suffix(image: str) -> tuple[str, str]:
    """Return an image's name and its tag or digest, with the sign before it."""
    named, at, digest = image.partition("@")
    head, colon, tag = named.rpartition(":")
    if colon and "/" not in tag:
        named, tagged = head, f":{tag}"
    else:
        tagged = ""
    return named, f"{tagged}@{digest}" if at else tagged


def full_name(image: str) -> str:
    """Return an image's name with its registry, as containerd completes it: ``redis`` is docker.io/library/redis."""
    name, suffix = split_suffix(image)
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = DOCKER_HUB, name
    first = OTHER_NAMES.get(first, first)
    if first == DOCKER_HUB and "/" not in rest:
        rest = f"{OFFICIAL}/{rest}"
    return f"{first}/{rest}{suffix}"


def rewrite_image(image: str, rules: Mapping[str, str], host_port: str) -> str:
    """Return the image's name in our registry, by the longest rule that fits; unchanged if none does.

    Args:
        rules: the path in our registry, by a registry and the path in it
        host_port: of our registry
    """
    name, suffix = split_suffix(full_name(image))
    for source in sorted(rules, key=len, reverse=True):
        if name == source or name.startswith(f"{source}/"):
            return f"{host_port}/{rules[source]}{name.removeprefix(source)}{suffix}"
    return image


def with_rewritten_images(content: Mapping[str, Any], rules: Mapping[str, str], host_port: str) -> dict[str, Any]:
    """Return the object with its images' names rewritten; tags and digests stay."""
    changed = deepcopy(dict(content))
    for place, key in image_fields(changed):
        if isinstance(image := place.get(key), str) and image:
            place[key] = rewrite_image(image, rules, host_port)
    return changed


def with_pull_secret(content: Mapping[str, Any], secret: str, host_port: str) -> dict[str, Any]:
    """Return the object with a pull secret for its pods, if they have images of our registry."""
    if not any(image.partition("/")[0] == host_port for image in images_in(content)):
        return dict(content)
    changed = deepcopy(dict(content))
    spec: Any = pod_spec_of(changed)
    named = list(spec.get("imagePullSecrets") or [])
    if not any(isinstance(one, Mapping) and one.get("name") == secret for one in named):
        spec["imagePullSecrets"] = [*named, {"name": secret}]
    return changed
