"""The site's history database: a file of the site, or a server by its URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from moor.errors import REMEDY_BY_ERRNO, HistoryError, InputError, NothingRecorded
from moor.history import VERSION
from moor.history.connection import NOTHING, Connection, Database
from moor.history.sqlite_file import SqliteFile
from moor.settings.access import SiteSettings

FILE = "history.db"


def database_of(settings: SiteSettings) -> Database:
    """Return the site's database.

    Raises:
        InputError: The text that ``history_url`` refers to is not a database URL.
    """
    if settings.history_url is None:
        return SqliteFile(str(settings.state / FILE))
    # Imported here, since a file needs nothing of SQLAlchemy.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from moor.history.server import Server

    try:
        url = make_url(settings.history_url.resolve().reveal())
    except ArgumentError:
        raise InputError(
            f"config.yaml: user_defined.moor.history_url: {settings.history_url} holds no database URL, "
            "such as postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from None
    return SqliteFile(url.database) if url.get_backend_name() == "sqlite" and url.database else Server(url)


@contextmanager
def connected(settings: SiteSettings, writing: bool) -> Iterator[Connection]:
    """Yield a connection in one transaction; writers take turns.

    Raises:
        HistoryError: The database cannot be used; the message names the cause and the remedy.
    """
    database = database_of(settings)
    troubles: tuple[type[Exception], ...] = (*database.errors, OSError, ImportError)
    try:
        with closing(database.open(writing)) as connection:
            if _begin(connection, writing) < VERSION:
                connection.rollback()
                _prepare_tables(database, connection)
                _begin(connection, writing)
            yield connection
            connection.commit()
    except troubles as error:
        raise HistoryError(explained(database, error)) from error


def _begin(connection: Connection, writing: bool) -> int:
    """Begin a transaction and return the version of the tables, for a writer 0 where there are none."""
    connection.begin(writing)
    found = connection.rows("SELECT version FROM moor_version") if connection.has_table("moor_version") else ()
    version = int(found[0][0]) if found else 0
    if not version and not writing:
        raise NothingRecorded(NOTHING)
    if version > VERSION:
        raise HistoryError(f"a newer moor wrote it (version {version}, this one knows {VERSION}); update moor here")
    return version


def _prepare_tables(database: Database, connection: Connection) -> None:
    """Create or migrate the tables in a transaction of their own."""
    if not connection.writable:
        raise HistoryError(
            f"an older moor wrote it, and it cannot be written here to migrate it to version {VERSION}; "
            "run moor history once as the user who owns it"
        )
    from moor.history import schema  # imports SQLAlchemy, which a file that is up to date does not need

    try:
        schema.bring_up_to_date(database.sqlalchemy_url())
    except schema.SQLAlchemyError as error:
        raise HistoryError(explained(database, error)) from error


def explained(database: Database, error: Exception) -> str:
    """Return one line about an error of the database and its remedy, without the password."""
    words = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip().splitlines()[0]
    no_room = isinstance(database, SqliteFile) and "disk I/O" in words and not database.has_room()
    if "malformed" in words or "not a database" in words:
        remedy = "; move the file away, and the next run begins a new one"
    elif " is full" in words or "No space" in words or no_room:
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
    return f"history {database.shown}: {words}{remedy}"
