"""Files that an operator would have downloaded: the lab makes them, and puts them where the shipped inventory looks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moor_lab.demo import build_base_image
from moor_lab.harbor.images import build_installer
from moor_lab.lab import Lab
from moor_lab.machine import plain_umask


def build(lab: Lab) -> dict[str, Path]:
    """Build what the cache lacks, images of hosts and all; return the files for an operator by their names."""
    with plain_umask(), ThreadPoolExecutor(3) as pool:
        hosts = pool.submit(lab.build)
        installer = pool.submit(build_installer, lab.cache)
        base_image = pool.submit(build_base_image, lab.cache)
        hosts.result()
        return {installer.result().name: installer.result(), "python-3.13.tar": base_image.result()}


def provide(lab: Lab) -> None:
    """Build what the cache lacks, and put an operator's files into the lab's directory."""
    for name, built in build(lab).items():
        lab.directory.mkdir(parents=True, exist_ok=True)
        _put(built, lab.directory / name)


def _put(built: Path, target: Path) -> None:
    """Link to the file; symbolically, since the cache may be on another file system."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.abspath(built))
    beside.rename(target)
