"""Fixtures: a history in SQLite, and one on a real PostgreSQL server behind a Unix socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.settings import SecretRef, SiteSettings
from tests.harness.postgresql import postgresql


@pytest.fixture
def settings(tmp_path: Path) -> SiteSettings:
    return SiteSettings.at(tmp_path, state=tmp_path / "state")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start a PostgreSQL server and yield its URL."""
    with postgresql("pg", "moor") as place:
        yield f"postgresql+psycopg://moor:not-needed-here@/postgres?host={place}"


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
