"""The image of the demo: a small web service, as a user of moor would build it."""

from pathlib import Path

from moor_lab.oci import Debian, Image, cached, debian_layer, docker_archive, files_layer, recipe_hash, skeleton

CONTEXT = Path(__file__).parent / "context"  # a build context: Dockerfile and app.py
NAME = "Python"
BASE_REFERENCE = "registry.moor.test/demo/python:3.13"
PYTHON = Debian(
    packages=("python3", "dash"),
    leave_out=("*/perl*", "/usr/share/perl*", "/usr/lib/python3*/ensurepip/*", "/usr/share/python3/*", "*/dpkg*"),
    imports=("http.server", "json"),
)


def build_base_image(cache: Path) -> Path:
    """Return the docker-archive of the base image of the Dockerfile: Python on Debian."""
    users = skeleton({})
    entry = cache / f"demo-python-{recipe_hash(PYTHON, users, BASE_REFERENCE)}.tar"
    return cached(entry, lambda draft: _write(cache, draft))


def _write(cache: Path, draft: Path) -> None:
    layers = (debian_layer(PYTHON, cache, NAME), files_layer(skeleton({}), cache))
    image = Image(BASE_REFERENCE, layers, ("/usr/bin/python3",), {"PYTHONUNBUFFERED": "1"})
    docker_archive([image], draft)
