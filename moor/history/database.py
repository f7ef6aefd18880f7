"""Connections to the history database: a file of the site, or a server by its URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from moor.errors import REMEDY_BY_ERRNO, HistoryError, InputError
from moor.history.tables import VERSION, for_postgresql, metadata, versions
from moor.secrets import private_files
from moor.settings.access import SiteSettings

FILE = "history.db"
MIN_FREE_BYTES = 64 * 1024  # for the files that SQLite keeps beside the database
BUSY_S = 30  # how long SQLite waits for another controller that writes
LOCK = 0x6D6F6F72  # the number of the advisory lock that moor's controllers take in PostgreSQL


def place(settings: SiteSettings) -> URL:
    """Return the URL of the site's database.

    Raises:
        InputError: The text that ``history_url`` refers to is not a database URL.
    """
    if settings.history_url is None:
        return URL.create("sqlite", database=str(settings.state / FILE))
    try:
        return make_url(settings.history_url.resolve().reveal())
    except ArgumentError:
        raise InputError(
            f"config.yaml: user_defined.moor.history_url: {settings.history_url} holds no database URL, "
            "such as postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from None


@contextmanager
def connected(settings: SiteSettings, writing: bool) -> Iterator[Connection]:
    """Yield a connection in one transaction; writers take turns.

    Raises:
        HistoryError: The database cannot be used; the message names the cause and the remedy.
    """
    url = place(settings)
    try:
        writable = writing or _can_lock(url)
        engine = opened(url) if writable else _read_only_engine(url)
        try:
            with engine.connect() as connection:
                if _begin(connection, writing) < VERSION:
                    _migrate(connection, writing, writable)
                yield connection
                connection.commit()
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise HistoryError(explained(url, error)) from error


def opened(url: URL) -> Engine:
    """Return an engine for the database; a SQLite file is created where there is none."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    if url.database:
        private_files.make_directory(Path(url.database).parent)
        Path(url.database).touch(mode=0o600)
        Path(url.database).chmod(0o600)  # whatever the umask; SQLite gives its other files the same mode
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _can_lock(url: URL) -> bool:
    """Check whether SQLite has its lock and log files beside the database or can create them; readers need them too."""
    if url.get_backend_name() != "sqlite" or not url.database or not Path(url.database).is_file():
        return True
    can_create = os.access(Path(url.database).parent, os.W_OK) and _has_room(url)
    return can_create or Path(f"{url.database}-wal").exists()


def _has_room(url: URL) -> bool:
    """Check whether the disk has room for the files that SQLite keeps beside the database."""
    space = os.statvfs(Path(str(url.database)).parent)
    return space.f_bavail * space.f_frsize > MIN_FREE_BYTES


def _read_only_engine(url: URL) -> Engine:
    """Return an engine that reads the file without locks, for a directory that nobody can write to."""
    return create_engine(f"sqlite:///file:{quote(str(url.database))}?immutable=1&uri=true")


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Let readers and one writer work at the same time, and leave transactions to SQLAlchemy."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection, writing: bool) -> int:
    """Begin a transaction and return the version of the tables; a writer creates them where there are none."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("BEGIN IMMEDIATE" if writing else "BEGIN"))
    elif connection.dialect.name == "postgresql" and writing:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        for_postgresql()
    known = connection.dialect.has_table(connection, versions.name)
    found = connection.execute(select(versions.c.version)).scalar() if known else None
    if found is None and writing:
        metadata.create_all(connection)
        connection.execute(insert(versions).values(version=VERSION))
        return VERSION
    if found is None:
        raise HistoryError("no run is recorded yet; moor drift records the first")
    if found > VERSION:
        raise HistoryError(f"a newer moor wrote it (version {found}, this one knows {VERSION}); update moor here")
    return int(found)


def _migrate(connection: Connection, writing: bool, writable: bool) -> None:
    """Migrate the tables in a transaction of their own, then begin the caller's transaction again."""
    from moor.history.migrations import migrate  # imports Alembic, which an up-to-date database does not need

    if not writable:
        raise HistoryError(f"an older moor wrote it, and it cannot be written here to migrate it to version {VERSION}")
    connection.rollback()
    found = _begin(connection, writing=True)  # another controller may have migrated it meanwhile
    if found < VERSION:
        migrate(connection, found)
    connection.commit()
    _begin(connection, writing)


def explained(url: URL, error: Exception) -> str:
    """Return one line about an error of the database and its remedy, without the password."""
    words = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip().splitlines()[0]
    where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    if "malformed" in words or "not a database" in words:
        remedy = "; move the file away, and the next run begins a new one"
    elif " is full" in words or "No space" in words or ("disk I/O" in words and not _has_room(url)):
        remedy = "; make room on this machine"
    elif "Read-only" in words or "readonly" in words:
        remedy = "; mount it writable on this machine"
    elif isinstance(error, OSError) and error.errno in REMEDY_BY_ERRNO:
        remedy = f"; {REMEDY_BY_ERRNO[error.errno]}"
    elif "unable to open" in words:
        remedy = "; run moor as the user who owns it"
    elif isinstance(error, ImportError):
        remedy = "; pip install 'psycopg[binary]' brings the driver"
    else:
        remedy = ""
    return f"history {where}: {words}{remedy}"
