"""The machine that the lab runs on: checks of its requirements, and functions that run programs on it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from moor.errors import InputError, MoorError

Progress = Callable[[str], None]

RUNTIME = Path("/run/moor-lab")  # locks and former limits: gone with a reboot, as the limits themselves
GIB = 1 << 30
NEEDED_BYTES = 4 * GIB
PACKAGE_OF = {
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "dpkg-deb": "dpkg",
    "ssh": "openssh-client",
}


def ignore_progress(_message: str) -> None:
    """Ignore a progress message."""


def run(*argv: str | Path, stdin: str = "", timeout_s: float = 60) -> str:
    """Run a program and return its output; raise MoorError with its error output if it fails."""
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except FileNotFoundError as error:
        raise MoorError(
            f"lab: {argv[0]} is missing; apt-get install {PACKAGE_OF.get(str(argv[0]), argv[0])}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MoorError(f"lab: {argv[0]} did not end within {timeout_s:.0f} s") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise MoorError(f"lab: {' '.join(map(str, argv[:4]))} failed ({done.returncode}): {said}")
    return done.stdout


def start(*argv: str | Path, log: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Start a program that outlives this one; append its output to ``log``."""
    with (log or Path(os.devnull)).open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", *argv],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=True,
            cwd="/",
        )


def check_machine(cache: Path, cgroup_root: Path | None) -> None:
    """Check that a lab can run on this machine.

    Raises:
        InputError: with all reasons why not
    """
    reasons = list(_reasons(cache, cgroup_root))
    if reasons:
        raise InputError("\n".join(f"lab: {reason}" for reason in reasons))


def _reasons(cache: Path, cgroup_root: Path | None) -> Iterator[str]:
    if os.geteuid():
        yield "a lab needs root: its hosts have namespaces and a network; run it with sudo"
        return  # the rest cannot be judged by another user
    if not Path("/etc/debian_version").exists():
        yield "a lab is built from Debian packages by apt, and this machine is not a Debian"
        return
    missing = sorted({package for tool, package in PACKAGE_OF.items() if not shutil.which(tool)})
    if missing:
        yield f"programs are missing; apt-get install {' '.join(missing)}"
    if cgroup_root is None:
        yield "no cgroup2 file system is mounted; mount one on /sys/fs/cgroup"
    elif not _writable(cgroup_root):
        yield f"{cgroup_root} is read-only (is this a container?); a lab needs a cgroup for every host"
    free = shutil.disk_usage(_nearest(cache)).free
    if free < NEEDED_BYTES:
        yield f"{cache} has {free / GIB:.1f} GiB free, and a lab needs {NEEDED_BYTES // GIB}; make room"


def _writable(directory: Path) -> bool:
    return not os.statvfs(directory).f_flag & os.ST_RDONLY and os.access(directory, os.W_OK)


def _nearest(path: Path) -> Path:
    return next(parent for parent in (path, *path.parents) if parent.exists())


def check_network(network: IPv4Network, routes: Sequence[dict[str, str]]) -> None:
    """Check that no route of this machine leads to the lab's network.

    Args:
        routes: as ``ip -json route`` prints them

    Raises:
        InputError: one does
    """
    for route in routes:
        if route["dst"] != "default" and IPv4Network(route["dst"]).overlaps(network):
            where = f"{route['dst']} on {route['dev']}"
            raise InputError(f"lab: {network} is in use on this machine ({where}); name another in the fleet file")


@contextmanager
def locked(path: Path, progress: Progress = ignore_progress) -> Iterator[None]:
    """Hold the lock file ``path`` and remove it afterwards; report progress if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _lock(path, progress)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: the next one checks that it holds the file of that name
        os.close(descriptor)


def _lock(path: Path, progress: Progress) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another process that holds {path}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether the open file still has that name, since its former holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def plain_umask() -> Iterator[None]:
    """Use umask 022, so that files for a host are readable on it."""
    former = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(former)
