"""What a host has of Harbor: its release, its harbor.yml, and where its data are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import join
from shlex import quote
from typing import Any

from nornir.core.task import Task

from moor.engine.asking import shell_of
from moor.errors import ErrorKind, HostError
from moor.settings import settings_of
from moor.tasks.backup.database import Connection, connection_of
from moor.tasks.harbor.data import data_places
from moor.tasks.harbor.installer import NOTE
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.harbor.yml import COMPOSE, load_harbor_yml, split_files

RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
MOUNTED = "/storage"  # where Harbor's registry container has the images' directory
LOOK_S = 60
# What a restore leaves in the data volume while it is at work: the name of the backup.
MARK = ".moor-restore"


@dataclass(frozen=True)
class Installation:
    """A Harbor on its host.

    Attributes:
        directory: of the installation.
        release: as in the installer's name, such as v2.8.3; empty where that is not known.
        tree: harbor.yml.
        restoring: the backup that an unfinished restore was putting back; empty for none.
    """

    directory: str
    release: str
    tree: Mapping[str, Any]
    restoring: str = ""

    @property
    def volume(self) -> str:
        return str(self.tree.get("data_volume") or "/data")

    @property
    def database(self) -> Connection:
        return connection_of(self.tree)

    @property
    def storage(self) -> str:
        """Return where the images are, in words; begins with the driver's name."""
        return data_places(self.tree)["images"]

    @property
    def has_files(self) -> bool:
        """Return whether images are files of the host, and no objects of a storage elsewhere."""
        return self.storage.partition(",")[0] == "filesystem"

    @property
    def images(self) -> str:
        """Return the directory with the registry's blobs and links, on the host."""
        below = self.storage.partition("rootdirectory ")[2].removeprefix(MOUNTED).strip("/")
        return join(self.volume, "registry", below, "docker/registry/v2")


def installation_of(task: Task) -> Installation | None:
    """Read what the host has of Harbor; None where it is not installed."""
    directory = settings_of(task.host, HarborSettings).directory
    volume = settings_of(task.host, HarborSettings).data_volume
    paths = " ".join(quote(path) for path in (f"{directory}/harbor.yml", f"{directory}/{NOTE}", f"{volume}/{MARK}"))
    script = f"""\
for f in {paths}; do if [ -e "$f" ]; then wc -c < "$f"; cat "$f"; else echo 0; fi; done
[ ! -e {quote(f"{directory}/{COMPOSE}")} ] || echo prepared"""
    answer = shell_of(task).run(script, LOOK_S)
    name = f"file:{directory}/harbor.yml"
    (text, note, mark), rest = split_files(answer.stdout.decode("utf-8", "surrogateescape"), 3, name)
    if not text or not rest.strip():
        return None
    found = RELEASE.search(note)
    return Installation(
        directory, f"v{'.'.join(found.groups())}" if found else "", load_harbor_yml(text, name), mark.strip()
    )


def need_installation(task: Task) -> Installation:
    """Return what the host has of Harbor; raise HostError where it is not installed."""
    found = installation_of(task)
    if found is None:
        raise HostError("Harbor is not installed here; moor apply harbor installs it", ErrorKind.UNMET)
    return found


def minor_of(release: str) -> tuple[int, int] | None:
    """Return the major and minor number of a release; None where it is not known."""
    found = RELEASE.search(release)
    return (int(found[1]), int(found[2])) if found else None
