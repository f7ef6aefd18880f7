"""Fixtures: a history in SQLite, and one on a real PostgreSQL server behind a Unix socket."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.settings import SecretRef, SiteSettings
from tests.harness.waiting import until

NOBODY = 65534


@pytest.fixture
def settings(tmp_path: Path) -> SiteSettings:
    return SiteSettings.at(tmp_path, state=tmp_path / "state")


def _program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(places[-1]) if places else "")
    assert found, f"{name} is needed; make test installs postgresql"
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a PostgreSQL server and yield its URL."""
    place = Path("/tmp") / f"moor-pg-{os.getpid()}"  # noqa: S108 - a socket's path must be short
    place.mkdir(mode=0o700)
    root = os.getuid() == 0
    user = {"user": NOBODY, "group": NOBODY} if root else {}  # PostgreSQL refuses to run as root
    if root:
        os.chown(place, NOBODY, NOBODY)
    data, quiet = place / "data", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(
        [
            _program("initdb"),
            "--username=moor",
            "--auth=trust",
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
            str(data),
        ],
        check=True,
        **quiet,
        **user,
    )  # type: ignore[call-overload]
    argv = [_program("postgres"), "-D", str(data), "-k", str(place), "-c", "listen_addresses=", "-c", "fsync=off"]
    running = subprocess.Popen(argv, **quiet, **user)  # type: ignore[call-overload]
    try:
        ready = [_program("pg_isready"), "--quiet", "--timeout=1", "-h", str(place)]
        until(lambda: running.poll() is not None or subprocess.run(ready, check=False).returncode == 0, "it is ready")
        assert running.poll() is None, "PostgreSQL ended at its start"
        yield f"postgresql+psycopg://moor:not-needed-here@/postgres?host={place}"
    finally:
        running.terminate()
        running.wait()
        shutil.rmtree(place)


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, settings: SiteSettings) -> SiteSettings:
    """Return a site whose history is empty, in either kind of database."""
    if request.param == "sqlite":
        return settings
    from sqlalchemy import create_engine

    from moor.history.tables import metadata

    url = request.getfixturevalue("server")
    engine = create_engine(url)
    metadata.drop_all(engine)
    engine.dispose()
    reference = settings.directory / "url"
    reference.write_text(url)
    reference.chmod(0o600)
    return settings.model_copy(update={"history_url": SecretRef(f"file:{reference}")})
