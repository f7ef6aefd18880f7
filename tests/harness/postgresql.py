"""A real PostgreSQL server of Debian's, behind a Unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.waiting import until

NOBODY = 65534


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; Debian has most of them on no PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    assert found, f"{name} is needed; make test installs postgresql"
    return found


@contextmanager
def postgresql(word: str, user_name: str) -> Iterator[Path]:
    """Run a server with one user, who may do everything, and yield the directory of its socket."""
    place = Path("/tmp") / f"moor-{word}-{os.getpid()}"  # noqa: S108 - a socket's path must be short
    place.mkdir(mode=0o700)
    root = os.getuid() == 0
    user = {"user": NOBODY, "group": NOBODY} if root else {}  # PostgreSQL refuses to run as root
    if root:
        os.chown(place, NOBODY, NOBODY)
    data, quiet = place / "data", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    options = (f"--username={user_name}", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
    subprocess.run([program("initdb"), *options, str(data)], check=True, **quiet, **user)  # type: ignore[call-overload]
    argv = [program("postgres"), "-D", str(data), "-k", str(place), "-c", "listen_addresses=", "-c", "fsync=off"]
    running = subprocess.Popen(argv, **quiet, **user)  # type: ignore[call-overload]
    try:
        ready = [program("pg_isready"), "--quiet", "--timeout=1", "-h", str(place)]
        until(lambda: running.poll() is not None or subprocess.run(ready, check=False).returncode == 0, "it is ready")
        assert running.poll() is None, "PostgreSQL ended at its start"
        yield place
    finally:
        running.terminate()
        running.wait()
        shutil.rmtree(place)
