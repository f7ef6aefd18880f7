"""History in a server's database, such as PostgreSQL, by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as SqlAlchemyConnection
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from moor.history.connection import Connection, Database, Values

LOCK = 0x6D6F6F72  # the number of the advisory lock that moor's controllers take in PostgreSQL


@dataclass(frozen=True)
class Server(Database):
    """A database that is reached by a URL."""

    place: URL

    @property
    def shown(self) -> str:
        """Return the URL without the password."""
        return self.place.render_as_string(hide_password=True)

    def sqlalchemy_url(self) -> URL:
        """Return its URL."""
        return self.place

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Return what SQLAlchemy raises, for every driver."""
        return (SQLAlchemyError,)

    def open(self, writing: bool) -> Connection:
        """Return a new connection."""
        return ServerConnection(create_engine(self.place, pool_pre_ping=True).connect())


class ServerConnection(Connection):
    """A connection of SQLAlchemy."""

    def __init__(self, raw: SqlAlchemyConnection) -> None:
        self.raw = raw

    def begin(self, writing: bool) -> None:
        """Begin a transaction, which SQLAlchemy does by itself; writers take turns."""
        if writing:
            take_turn(self.raw)

    def has_table(self, name: str) -> bool:
        """Check whether a table exists."""
        return self.raw.dialect.has_table(self.raw, name)

    def rows(self, statement: str, values: Values | None = None) -> Sequence[Sequence[Any]]:
        """Run a query and return its rows."""
        return self.raw.execute(text(statement), dict(values or {})).all()

    def run(self, statement: str, rows: Sequence[Values] = ({},)) -> None:
        """Run a statement once for each mapping of ``rows``."""
        if rows:
            self.raw.execute(text(statement), [dict(values) for values in rows])

    def commit(self) -> None:
        """End the transaction and keep what it did."""
        self.raw.commit()

    def rollback(self) -> None:
        """End the transaction as if it had never begun."""
        self.raw.rollback()

    def close(self) -> None:
        """Close the connection and the pool that it came from."""
        self.raw.close()
        self.raw.engine.dispose()


def take_turn(connection: SqlAlchemyConnection) -> None:
    """Wait until no other controller writes, up to the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
