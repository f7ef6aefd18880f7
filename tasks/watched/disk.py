"""The disk of Harbor's data, read on its host; by Harbor's API where there is no host to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from moor.engine.measurements import Filling
from moor.resources.base import Probed, State
from moor.tasks.watched.settings import Watch

KIB = 1024
ROOM = (
    "make room: run garbage collection (in Harbor's portal, Clean Up), give it a schedule and the projects retention "
    "rules, or enlarge the disk"
)


@dataclass(frozen=True)
class DataDisk(Probed):
    """The space of the file system that holds a directory; it is read, and never a difference."""

    path: str

    @property
    def id(self) -> str:
        return f"disk:{self.path}"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        return f"[ ! -d {quote(self.path)} ] || df -Pk {quote(self.path)} | tail -n 1"

    def actual(self, output: str) -> State | None:
        found = re.search(r"\s(\d+)\s+(\d+)\s+(-?\d+)\s+\S+\s+(/.*)$", output.strip())
        return {"used": found[2], "free": str(max(0, int(found[3]))), "mount": found[4]} if found else None


def disk_of_host(path: str, state: State | None, host: str, watch: Watch) -> Iterator[Filling]:
    """Yield how full the disk of ``path`` is; nothing if the path does not exist.

    What is kept for root alone is neither used nor free, as in the percentage of df.
    """
    if state is not None:
        used, free = int(str(state["used"])) * KIB, int(str(state["free"])) * KIB
        yield filling(f"disk:{path}", f"the disk of {path} on {host}", used, used + free, host, watch)


def filling(name: str, what: str, used: int, size: int, host: str, watch: Watch) -> Filling:
    """Return how full a disk is, with the thresholds of the inventory."""
    return Filling(
        id=name,
        what=what,
        value=used,
        size=size,
        host=host,
        remedy=ROOM,
        percent=watch.disk_percent,
        within_days=watch.disk_days,
        from_percent=watch.disk_from_percent,
    )
