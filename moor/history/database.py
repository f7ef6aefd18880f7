"""Opening the database: a file of the site, or a server by its URL."""

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
NEEDED = 64 * 1024  # bytes that must be free for the files beside the database
BUSY_S = 30  # how long one controller waits for another that writes
LOCK = 0x6D6F6F72  # of PostgreSQL's advisory locks, the one by which moor's controllers take turns


def place(settings: SiteSettings) -> URL:
    """Return the URL of the site's database; raises InputError where what the site names is none."""
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
    """Return a connection in one transaction; one that writes waits until no other does.

    Raises:
        HistoryError: with the cause, and what a person does about it
    """
    url = place(settings)
    try:
        writable = writing or _takes_files(url)
        engine = opened(url) if writable else _opened_as_it_is(url)
        try:
            with engine.connect() as connection:
                if _begin(connection, writing) < VERSION:
                    _bring_up_to_date(connection, writing, writable)
                yield connection
                connection.commit()
        finally:
            engine.dispose()
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise HistoryError(explained(url, error)) from error


def opened(url: URL) -> Engine:
    """Return the engine for a database."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    if url.database:
        private_files.directory(Path(url.database).parent)
        Path(url.database).touch(mode=0o600)
        Path(url.database).chmod(0o600)  # the umask may have taken even the owner's bits; SQLite copies them
    engine = create_engine(url, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _takes_files(url: URL) -> bool:
    """Check whether SQLite may put its files beside the database, or has them there; it does so to read, too."""
    if url.get_backend_name() != "sqlite" or not url.database or not Path(url.database).is_file():
        return True
    may = os.access(Path(url.database).parent, os.W_OK) and _room(url)
    return may or Path(f"{url.database}-wal").exists()


def _room(url: URL) -> bool:
    """Check whether there is room beside the database for what SQLite puts there."""
    space = os.statvfs(Path(str(url.database)).parent)
    return space.f_bavail * space.f_frsize > NEEDED


def _opened_as_it_is(url: URL) -> Engine:
    """Return the engine for a file that nobody can write now, so that it is read without locks."""
    return create_engine(f"sqlite:///file:{quote(str(url.database))}?immutable=1&uri=true")


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Have readers and one writer work at once; SQLAlchemy begins transactions itself."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection, writing: bool) -> int:
    """Begin a transaction and return the version of the tables, which one that writes makes where there are none."""
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


def _bring_up_to_date(connection: Connection, writing: bool, writable: bool) -> None:
    """Migrate the tables of an older moor in one transaction that no other run shares, and begin the next one."""
    from moor.history.migrations import migrate  # Alembic, which a database that is up to date does not need

    if not writable:
        raise HistoryError(f"an older moor wrote it, and nobody can write it here to bring it to version {VERSION}")
    connection.rollback()
    found = _begin(connection, writing=True)  # another controller may have done it meanwhile
    if found < VERSION:
        migrate(connection, found)
    connection.commit()
    _begin(connection, writing)


def explained(url: URL, error: Exception) -> str:
    """Return what is wrong with the database, without its password."""
    words = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip().splitlines()[0]
    where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    if "malformed" in words or "not a database" in words:
        remedy = "; move the file away, and the next run begins a new one"
    elif " is full" in words or "No space" in words or ("disk I/O" in words and not _room(url)):
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
