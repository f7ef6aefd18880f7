"""What this machine bears: how many hosts its file descriptors and its memory are enough for."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESERVE = 24  # descriptors for everything else: files, history, the API of Harbor and of the cluster
HIGHEST = 65536  # the soft limit stays below, since old programs close every possible descriptor when they start
BY_ADDRESS, BY_COMMAND = 3, 6  # descriptors of a login: the socket, libssh's own for it, a look-up of a name; and pipes
HOST_BYTES = 1024 * 1024  # the memory for a host that is asked: its session, and a usual answer
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Capacity:
    """How many hosts may have an open connection, by descriptors, and be asked at once, by memory."""

    descriptors: int
    memory: int


def find_capacity(wanted: int, by_command: bool) -> Capacity:
    """Return for how many hosts this machine has room; raise the soft limit of descriptors if it is too low.

    Args:
        wanted: for how many hosts there should be room.
        by_command: whether a command such as ssh may carry a connection.
    """
    each = BY_COMMAND if by_command else BY_ADDRESS
    used = len(os.listdir("/proc/self/fd"))
    soft = _raise_limit(used + RESERVE + wanted * each)
    return Capacity(max(1, (soft - used - RESERVE) // each), max(1, _free_bytes() // 2 // HOST_BYTES))


def _raise_limit(needed: int) -> int:
    """Raise the soft limit as far as it is needed and allowed; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return HIGHEST
    allowed = HIGHEST if hard == resource.RLIM_INFINITY else min(hard, HIGHEST)
    if soft < needed and soft < allowed:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            return allowed
    return soft


def _free_bytes() -> int:
    """Return how much memory is free for this process: the machine's, or what its control group may still take."""
    free = next((int(line.split()[1]) * 1024 for line in _lines(MEMINFO) if line.startswith("MemAvailable")), 2**34)
    for most in _lines(CGROUP / "memory.max"):
        if most.isdigit():
            free = min(free, int(most) - sum(map(int, _lines(CGROUP / "memory.current"))))
    return free


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []  # another system, or no control groups
