"""Files that an operator would have downloaded: the lab makes them, and puts them where the shipped inventory looks."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.harbor.images import build_installer
from lab.lab import Lab
from lab.machine import plain_umask


def build(lab: Lab) -> list[Path]:
    """Builds what the cache lacks, images of hosts and all, and gives the files that are for an operator."""
    with plain_umask(), ThreadPoolExecutor(2) as pool:
        hosts = pool.submit(lab.build)
        installer = pool.submit(build_installer, lab.cache)
        hosts.result()
        return [installer.result()]


def provide(lab: Lab) -> None:
    """Builds what the cache lacks, and puts an operator's files into the lab's directory."""
    for built in build(lab):
        lab.directory.mkdir(parents=True, exist_ok=True)
        _put(built, lab.directory / built.name)


def _put(built: Path, target: Path) -> None:
    """The file under another name, which takes no space; a link, for the cache may be on another file system."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.abspath(built))
    beside.rename(target)
