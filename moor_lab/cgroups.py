"""Control groups of version 2: what holds the processes of a lab, and ends or freezes exactly those."""

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
    """Return where cgroup2 is mounted, as ``mounts`` (/proc/mounts) says; on a hybrid machine beside version 1."""
    for line in (mounts if mounts is not None else Path("/proc/self/mounts").read_text()).splitlines():
        _device, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


@dataclass(frozen=True)
class Cgroup:
    """One control group and those below it."""

    path: Path

    def __truediv__(self, name: str) -> Cgroup:
        return Cgroup(self.path / name)

    def make(self) -> None:
        """Make it, and hand down the controllers that there are (none on a hybrid machine)."""
        self.path.mkdir(exist_ok=True)
        offered = (self.path / "cgroup.controllers").read_text().split()
        for controller in set(CONTROLLERS) & set(offered):
            with contextlib.suppress(OSError):  # a limit that the machine refuses to hand down is no reason to fail
                (self.path / "cgroup.subtree_control").write_text(f"+{controller}")

    @property
    def populated(self) -> bool:
        """Return whether a process lives in it or below."""
        return self._says("populated", "1")

    def pids(self) -> list[int]:
        """Return the processes in it and below, as this machine numbers them."""
        found: list[int] = []
        for directory, _, _ in os.walk(self.path):
            with contextlib.suppress(OSError):  # a group that is gone meanwhile has no processes
                found += map(int, (Path(directory) / "cgroup.procs").read_text().split())
        return found

    def freeze(self, frozen: bool) -> None:
        """Stop every process in it, or let all go on."""
        (self.path / "cgroup.freeze").write_text("1" if frozen else "0")
        self._wait(lambda: self._says("frozen", "1" if frozen else "0"), "did not freeze")

    def kill(self) -> None:
        """Kills every process in it and waits until they are gone: never by a pid, for pids wrap around."""
        if not self.path.exists():
            return
        (self.path / "cgroup.kill").write_text("1")
        self._wait(lambda: not self.populated, "still holds processes after a kill")

    def remove(self) -> None:
        """Remove it and all below, once the last process has gone."""
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
