"""Records in an SQL database: PostgreSQL in the lab, SQLite in tests.

A record is a kind, an id counted per kind, a name unique in its kind, and a JSON body. As with Harbor's sequences, an
id is spent even when the insert then fails, and of several racing inserts of one name the database lets one win.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Body = dict[str, Any]  # JSON

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS counter (kind TEXT PRIMARY KEY, last BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS record (kind TEXT NOT NULL, id BIGINT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (kind, id), UNIQUE (kind, name))",
)

# What Harbor's database has under these names, as far as it is counted.
VIEWS = (
    "CREATE OR REPLACE VIEW project AS SELECT id, name, false AS deleted FROM record WHERE kind = 'project'",
    "CREATE OR REPLACE VIEW repository AS SELECT id, name FROM record WHERE kind = 'repository'",
    "CREATE OR REPLACE VIEW artifact AS SELECT id, body::json->>'digest' AS digest FROM record WHERE kind = 'artifact'",
    "CREATE OR REPLACE VIEW robot AS SELECT id, name FROM record WHERE kind = 'robot'",
    "CREATE OR REPLACE VIEW harbor_user AS SELECT id, name, false AS deleted FROM record WHERE kind = 'user'",
)


class Conflict(Exception):
    """The name is taken by another record of the kind."""


@dataclass
class Record:
    """One stored object of Harbor."""

    kind: str
    id: int
    name: str
    body: Body


class Cursor(Protocol):
    """A cursor of a DB-API driver (PEP 249)."""

    """The part of DB-API 2 that is used."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> object: ...
    def fetchall(self) -> list[Any]: ...
    def close(self) -> object: ...


class Connection(Protocol):
    """A connection of a DB-API driver (PEP 249)."""

    def cursor(self) -> Cursor: ...
    def close(self) -> object: ...


class Store:
    """A store of records over one connection, which is reopened if it breaks.

    Attributes:
        connect: opens a connection that commits by itself
        mark: the placeholder of its SQL: ? or %s
    """

    def __init__(self, connect: Callable[[], Connection], mark: str = "?") -> None:
        self._connect = connect
        self._mark = mark
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        for statement in SCHEMA:
            self._run(statement)

    def add(self, kind: str, name: str, body: Body) -> Record:
        """Add a record; raise Conflict if the name is taken."""
        number = self._next(kind)
        sql = "INSERT INTO record (kind, id, name, body) VALUES (?, ?, ?, ?) ON CONFLICT (kind, name) DO NOTHING"
        if self._run(sql, kind, number, name, json.dumps(body))[0] != 1:
            raise Conflict(name)
        return Record(kind, number, name, body)

    def get(self, kind: str, number: int) -> Record | None:
        return self._one("SELECT kind, id, name, body FROM record WHERE kind = ? AND id = ?", kind, number)

    def find(self, kind: str, name: str) -> Record | None:
        return self._one("SELECT kind, id, name, body FROM record WHERE kind = ? AND name = ?", kind, name)

    def all(self, kind: str) -> list[Record]:
        """Return all records of a kind, oldest first."""
        _, rows = self._run("SELECT kind, id, name, body FROM record WHERE kind = ? ORDER BY id", kind)
        return [_record(row) for row in rows]

    def put(self, record: Record) -> None:
        sql = "UPDATE record SET name = ?, body = ? WHERE kind = ? AND id = ?"
        self._run(sql, record.name, json.dumps(record.body), record.kind, record.id)

    def remove(self, record: Record) -> None:
        self._run("DELETE FROM record WHERE kind = ? AND id = ?", record.kind, record.id)

    def ping(self) -> None:
        """Check the database; raise the driver's error if it does not answer."""
        self._run("SELECT 1")

    def define(self, statement: str) -> None:
        """Run a statement that defines something."""
        self._run(statement)

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def _next(self, kind: str) -> int:
        sql = (
            "INSERT INTO counter (kind, last) VALUES (?, 1)"
            " ON CONFLICT (kind) DO UPDATE SET last = counter.last + 1 RETURNING last"
        )
        return int(self._run(sql, kind)[1][0][0])

    def _one(self, sql: str, *values: object) -> Record | None:
        _, rows = self._run(sql, *values)
        return _record(rows[0]) if rows else None

    def _run(self, sql: str, *values: object) -> tuple[int, list[Any]]:
        """Execute a statement; return the number of changed rows and the result rows."""
        with self._lock:
            try:
                return self._execute(sql, values)
            except Exception:
                self._connection = None  # the database may have restarted; retry over a new connection
                return self._execute(sql, values)

    def _execute(self, sql: str, values: Sequence[object]) -> tuple[int, list[Any]]:
        self._connection = self._connection or self._connect()
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql.replace("?", self._mark), values)
            gives = sql.startswith("SELECT") or "RETURNING" in sql
            return cursor.rowcount, cursor.fetchall() if gives else []
        finally:
            cursor.close()


def _record(row: Sequence[Any]) -> Record:
    return Record(row[0], int(row[1]), row[2], json.loads(row[3]))


def in_memory() -> Store:
    """Return a store in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    return Store(lambda: connection)


def postgres(dsn: str) -> Store:
    """Return a store in PostgreSQL; ``dsn`` as libpq reads it."""
    import psycopg2  # type: ignore[import-untyped,import-not-found,unused-ignore]  # in the image only

    def connect() -> Connection:
        connection: Any = psycopg2.connect(dsn)
        connection.autocommit = True
        return connection  # type: ignore[no-any-return]

    store = Store(connect, "%s")
    for view in VIEWS:
        store.define(view)
    return store
