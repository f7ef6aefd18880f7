"""Creation and migration of the tables, by SQLAlchemy and Alembic; a database that is up to date needs neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from moor.history import VERSION
from moor.history.server import take_turn
from moor.history.sqlite_file import BUSY_S, PRAGMAS
from moor.history.tables import for_postgresql, metadata, versions

__all__ = ["SQLAlchemyError", "bring_up_to_date", "engine_for"]


def bring_up_to_date(url: URL) -> None:
    """Create the tables, or migrate those of an older moor, in one transaction.

    Raises:
        SQLAlchemyError: The database cannot be used.
    """
    with _writing(url) as connection:
        known = connection.dialect.has_table(connection, versions.name)
        found = connection.execute(select(versions.c.version)).scalar() if known else None
        if found is None:
            metadata.create_all(connection)
            connection.execute(insert(versions).values(version=VERSION))
        elif found < VERSION:  # else another controller has migrated it meanwhile
            from moor.history.migrations import migrate  # imports Alembic

            migrate(connection, found)


@contextmanager
def _writing(url: URL) -> Iterator[Connection]:
    """Yield a connection in a transaction that waits for other writers, and is committed at the end."""
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("BEGIN IMMEDIATE"))
            elif connection.dialect.name == "postgresql":
                take_turn(connection)
                for_postgresql()
            yield connection
            connection.commit()
    finally:
        engine.dispose()


def engine_for(url: URL) -> Engine:
    """Return an engine of SQLAlchemy for the database."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Leave transactions to the caller."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)
