"""Measurement of a command: CPU and memory of its whole process tree, and its wall time.

CPU is what the kernel charged to a control group that holds the command and all that it starts; hosts are in others.
Memory is looked at ten times a second: the resident sizes of all its processes, added; pages that they share count in
each. Children that go on alone, such as ssh's masters, end with the measurement.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Thread, Timer
from typing import IO

from moor.errors import MoorError
from moor_lab.cgroups import Cgroup, cgroup2_root

LIMIT_S = 900
LOOK_S = 0.1
SPARED = "PYTHONDONTWRITEBYTECODE"  # an installed program has its bytecode; compiling is no part of what it costs
JOIN = 'echo 0 >"$0/cgroup.procs"; exec "$@"'


@dataclass(frozen=True)
class Command:
    """A program with its arguments, working directory, and additional environment variables."""

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """The output of a command, and its cost."""

    code: int
    stdout: str
    stderr: str
    cpu_s: float
    wall_s: float
    peak_mb: float


class Client:
    """The control group in which commands are measured, one at a time."""

    def __init__(self, name: str) -> None:
        self.group = Cgroup((cgroup2_root() or Path("/sys/fs/cgroup")) / f"{name}-client")

    @contextmanager
    def started(self, command: Command, stdout: IO[str], stderr: IO[str] | int) -> Iterator[subprocess.Popen[str]]:
        """Start a command in the group; kill what is left of it at the end, or after ``LIMIT_S``."""
        self._end()
        self.group.path.mkdir()
        watchdog = Timer(LIMIT_S, self.group.kill)
        watchdog.daemon = True
        watchdog.start()
        ours = {name: value for name, value in os.environ.items() if name != SPARED}
        try:
            yield subprocess.Popen(
                ["sh", "-c", JOIN, str(self.group.path), *command.argv],
                stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True,
                cwd=command.directory, env={**ours, **command.environment},
            )  # fmt: skip
        finally:
            watchdog.cancel()
            self._end()

    def cpu_s(self) -> float:
        """Return the resources that the running command has used so far."""
        stat = dict(line.split() for line in (self.group.path / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) / 1e6

    def run(self, command: Command) -> Run:
        """Run a command to its end; raise MoorError if it takes too long."""
        with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
            began = time.monotonic()
            with self.started(command, stdout, stderr) as process, Memory(self.group) as memory:
                code = process.wait()
                wall_s, cpu_s = time.monotonic() - began, self.cpu_s()
            if wall_s >= LIMIT_S:
                raise MoorError(f"bench: no end within {LIMIT_S} s: {' '.join(command.argv)[:200]}")
            stdout.seek(0)
            stderr.seek(0)
            return Run(code, stdout.read(), stderr.read(), cpu_s, wall_s, memory.peak_kb / 1024)

    def _end(self) -> None:
        if self.group.path.exists():
            self.group.kill()
            self.group.remove()


class Memory:
    """A sampler of the memory of a group's processes during the block."""

    def __init__(self, group: Cgroup) -> None:
        self.peak_kb = 0
        self._group, self._over = group, Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            sizes = [sizes_of(pid) for pid in self._group.pids()]
            # for a single process the kernel records the maximum, so that no sample can miss it
            highest = max((high for _, high in sizes), default=0)
            self.peak_kb = max(self.peak_kb, highest, sum(now for now, _ in sizes))


def sizes_of(pid: int) -> tuple[int, int]:
    """Return the current and the highest resident size of a process in KiB; nothing if it has ended."""
    found = {"VmRSS": 0, "VmHWM": 0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            key, _, rest = line.partition(":")
            if key in found:
                found[key] = int(rest.split()[0])
    return found["VmRSS"], found["VmHWM"]
