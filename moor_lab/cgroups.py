"""Control groups (version 2) that hold the processes of a lab, to freeze and kill exactly those."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moor.errors import MoorError

CONTROLLERS = ("cpu", "memory", "pids", "io")


def cgroup2_root(mounts: str | None = None) -> Path | None:
    """Return the mount point of cgroup2 according to ``mounts`` (/proc/mounts); None without one."""
    for line in (mounts if mounts is not None else Path("/proc/self/mounts").read_text()).splitlines():
        _device, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


@dataclass(frozen=True)
class Cgroup:
    """A control group and those below it."""

    path: Path

    def __truediv__(self, name: str) -> Cgroup:
        return Cgroup(self.path / name)

    def make(self) -> None:
        """Create the group and enable its controllers for those below (a hybrid machine has none)."""
        self.path.mkdir(exist_ok=True)
        offered = (self.path / "cgroup.controllers").read_text().split()
        for controller in set(CONTROLLERS) & set(offered):
            with contextlib.suppress(OSError):  # a limit that the machine refuses to hand down is no reason to fail
                (self.path / "cgroup.subtree_control").write_text(f"+{controller}")

    @property
    def populated(self) -> bool:
        """Return whether the group or one below has a process."""
        return self._says("populated", "1")

    def pids(self) -> list[int]:
        """Return the PIDs, on this machine, of processes in the group and below."""
        found: list[int] = []
        for directory, _, _ in os.walk(self.path):
            with contextlib.suppress(OSError):  # a group that is gone meanwhile has no processes
                found += map(int, (Path(directory) / "cgroup.procs").read_text().split())
        return found

    def freeze(self, frozen: bool) -> None:
        """Freeze all processes of the group, or let them continue."""
        (self.path / "cgroup.freeze").write_text("1" if frozen else "0")
        self._wait(lambda: self._says("frozen", "1" if frozen else "0"), "did not freeze")

    def kill(self) -> None:
        """Kill all processes of the group and wait until they are gone; not by PID, since PIDs are reused."""
        if not self.path.exists():
            return
        (self.path / "cgroup.kill").write_text("1")
        self._wait(lambda: not self.populated, "still holds processes after a kill")

    def remove(self) -> None:
        """Remove the group and those below, after its last process has ended."""
        self._wait(self._removed, "could not be removed")

    def _removed(self) -> bool:
        for directory, _, _ in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()
        return not self.path.exists()

    def _says(self, key: str, value: str) -> bool:
        try:
            return f"{key} {value}" in (self.path / "cgroup.events").read_text()
        except OSError:
            return False

    def _wait(self, done: Callable[[], bool], complaint: str, limit_s: float = 30) -> None:
        end = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > end:
                raise MoorError(f"lab: {self.path} {complaint} within {limit_s:.0f} s")
            time.sleep(0.01)
