"""The contract of a connection to the history database, and the conversion of rows to values."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

Values = Mapping[str, Any]  # parameters by name; a time is a datetime with a zone, a mapping is JSON text
Row = TypeVar("Row")

NOTHING = "no run is recorded yet; moor drift records the first"


class Connection(ABC):
    """An open connection, which runs statements of plain SQL that mean the same in SQLite and PostgreSQL.

    Parameters are written ``:name``.
    """

    writable = True  # whether the tables could be migrated over this connection

    @abstractmethod
    def begin(self, writing: bool) -> None:
        """Begin a transaction; writers take turns."""

    @abstractmethod
    def has_table(self, name: str) -> bool:
        """Check whether a table exists."""

    @abstractmethod
    def rows(self, statement: str, values: Values | None = None) -> Sequence[Sequence[Any]]:
        """Run a query and return its rows."""

    @abstractmethod
    def run(self, statement: str, rows: Sequence[Values] = ({},)) -> None:
        """Run a statement once for each mapping of ``rows``, which all have the same keys."""

    @abstractmethod
    def commit(self) -> None:
        """End the transaction and keep what it did."""

    @abstractmethod
    def rollback(self) -> None:
        """End the transaction as if it had never begun."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; a transaction that is not committed is rolled back."""


class Database(ABC):
    """A place where history is kept."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Return the place as messages show it, without a password."""

    @abstractmethod
    def sqlalchemy_url(self) -> Any:
        """Return SQLAlchemy's URL of it, for creating and migrating its tables."""

    @property
    @abstractmethod
    def errors(self) -> tuple[type[Exception], ...]:
        """Return the exceptions that its library raises."""

    @abstractmethod
    def open(self, writing: bool) -> Connection:
        """Return a new connection."""


def as_values(kind: type[Row], rows: Sequence[Sequence[Any]]) -> list[Row]:
    """Return rows as values of ``kind``; each begins with the columns of ``kind``."""
    readers = _readers(cast(Any, kind))
    return [
        kind(*(column if read is None else read(column) for read, column in zip(readers, row, strict=False)))
        for row in rows
    ]


@cache
def _readers(kind: Any) -> tuple[Callable[[Any], Any] | None, ...]:
    """Return for each field how to convert its column, since SQLite knows neither times, JSON nor booleans."""
    hints = get_type_hints(kind)
    return tuple(_READERS.get(hints[field.name]) for field in fields(kind))


def _moment(value: Any) -> datetime | None:
    """Return a time with its zone; SQLite stores none, and it is UTC."""
    if value is None:
        return None
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    bool: bool,
    datetime: _moment,
    datetime | None: _moment,
    dict[str, int]: _json,
    dict[str, str] | None: _json,
    list[dict[str, str]] | None: _json,
}
