"""The files that an operator would download, built by the lab and placed where the shipped inventory expects them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moor.errors import InputError
from moor_lab import demo
from moor_lab.building import BOARD
from moor_lab.demo import build_base_image
from moor_lab.harbor import images as harbor
from moor_lab.harbor.images import build_installer
from moor_lab.harbor.release import RELEASES
from moor_lab.lab import Lab
from moor_lab.machine import plain_umask
from moor_lab.oci import WEIGHT


def build(lab: Lab) -> dict[str, Path]:
    """Build what the cache lacks, including images of hosts; return the operator's files by name."""
    lab.expect()
    for name, layer in ((harbor.NAME, harbor.BASE), (demo.NAME, demo.PYTHON)):
        if not layer.path(lab.cache).exists():
            BOARD.expect(name, WEIGHT)
    with plain_umask(), BOARD.shown(lab.progress), ThreadPoolExecutor(3) as pool:
        hosts = pool.submit(lab.build)
        installer = pool.submit(build_installer, lab.cache)
        base_image = pool.submit(build_base_image, lab.cache)
        hosts.result()
        return {installer.result().name: installer.result(), "python-3.13.tar": base_image.result()}


def provide_installer(lab: Lab, release: str) -> Path:
    """Build the installer of another release of the stand-in if the cache lacks it; return its link in the lab's place.

    Raises:
        InputError: the stand-in imitates no such release.
    """
    if release not in RELEASES:
        raise InputError(f"the stand-in imitates no {release}; it does {' and '.join(RELEASES)}")
    with plain_umask():
        built = build_installer(lab.cache, release)
    lab.directory.mkdir(parents=True, exist_ok=True)
    _put(built, lab.directory / built.name)
    return lab.directory / built.name


def provide(lab: Lab) -> None:
    """Build what the cache lacks, and link the operator's files into the lab's directory."""
    for name, built in build(lab).items():
        lab.directory.mkdir(parents=True, exist_ok=True)
        _put(built, lab.directory / name)


def _put(built: Path, target: Path) -> None:
    """Replace ``target`` by a symbolic link, since the cache may be on another file system."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.abspath(built))
    beside.rename(target)
