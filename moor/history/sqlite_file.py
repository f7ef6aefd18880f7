"""History in a SQLite file, by Python's own sqlite3: SQLAlchemy would take longer to import than a check to record."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from moor.errors import NothingRecorded
from moor.history.connection import NOTHING, Connection, Database, Values
from moor.secrets import private_files

MIN_FREE_BYTES = 64 * 1024  # for the files that SQLite keeps beside the database
BUSY_S = 30  # how long SQLite waits for another controller that writes
PRAGMAS = (
    "PRAGMA journal_mode=WAL",  # readers and one writer work at the same time
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)
MOMENT = "%Y-%m-%d %H:%M:%S.%f"  # as SQLAlchemy's SQLite dialect writes a time


@dataclass(frozen=True)
class SqliteFile(Database):
    """A SQLite file; a writer creates it where there is none."""

    path: str

    @property
    def shown(self) -> str:
        """Return the file's path."""
        return self.path

    def sqlalchemy_url(self) -> Any:
        """Return SQLAlchemy's URL of the file."""
        from sqlalchemy.engine import URL

        return URL.create("sqlite", database=self.path)

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Return what sqlite3 raises."""
        return (sqlite3.Error,)

    def open(self, writing: bool) -> Connection:
        """Return a new connection, for a reader in a directory that nobody can write to one without locks.

        Raises:
            NothingRecorded: a reader asks, and there is no file.
        """
        if not writing and not Path(self.path).exists():
            raise NothingRecorded(NOTHING)
        if not writing and not self._can_lock():
            return SqliteConnection(sqlite3.connect(f"file:{quote(self.path)}?immutable=1", uri=True), writable=False)
        self.create()
        raw = sqlite3.connect(self.path, timeout=BUSY_S)
        for pragma in PRAGMAS:
            raw.execute(pragma)
        return SqliteConnection(raw)

    def create(self) -> None:
        """Create the file and its directory where there is none, for their owner alone."""
        private_files.make_directory(Path(self.path).parent)
        Path(self.path).touch(mode=0o600)
        Path(self.path).chmod(0o600)  # whatever the umask; SQLite gives its other files the same mode

    def has_room(self) -> bool:
        """Check whether the disk has room for the files that SQLite keeps beside the database."""
        space = os.statvfs(Path(self.path).parent)
        return space.f_bavail * space.f_frsize > MIN_FREE_BYTES

    def _can_lock(self) -> bool:
        """Check whether SQLite has or can create its lock and log files beside the database; readers need them too."""
        if not Path(self.path).is_file():
            return True
        can_create = os.access(Path(self.path).parent, os.W_OK) and self.has_room()
        return can_create or Path(f"{self.path}-wal").exists()


class SqliteConnection(Connection):
    """A connection of sqlite3, whose transactions are begun and ended here."""

    def __init__(self, raw: sqlite3.Connection, writable: bool = True) -> None:
        raw.isolation_level = None
        self.raw, self.writable = raw, writable

    def begin(self, writing: bool) -> None:
        """Begin a transaction; a writer waits until no other one writes."""
        self.raw.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    def has_table(self, name: str) -> bool:
        """Check whether a table exists."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", {"name": name}))

    def rows(self, statement: str, values: Values | None = None) -> Sequence[Sequence[Any]]:
        """Run a query and return its rows."""
        return self.raw.execute(statement, _stored(values or {})).fetchall()

    def run(self, statement: str, rows: Sequence[Values] = ({},)) -> None:
        """Run a statement once for each mapping of ``rows``."""
        self.raw.executemany(statement, map(_stored, rows))

    def commit(self) -> None:
        """End the transaction and keep what it did."""
        self.raw.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had never begun."""
        self.raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection, which rolls back what is not committed."""
        self.raw.close()


def _stored(values: Values) -> dict[str, Any]:
    """Return the parameters of a statement with times as SQLite's text."""
    return {
        name: value.astimezone(UTC).strftime(MOMENT) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
