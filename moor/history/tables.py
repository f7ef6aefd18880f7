"""The tables of the history database, the same for SQLite and PostgreSQL; imported to create and migrate them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite does not store the zone, so reading adds it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Add UTC where the database returned no zone."""
        return value.replace(tzinfo=value.tzinfo or UTC) if value else None


metadata = MetaData()
OPEN = text("cleared IS NULL")

versions = Table("moor_version", metadata, Column("version", Integer, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("run", String(64), primary_key=True),
    Column("command", String(32), nullable=False),
    Column("runbook", String(128), nullable=False),
    Column("started", Moment, nullable=False, index=True),
    Column("duration_s", Float, nullable=False),
    Column("hosts", Integer, nullable=False),
    Column("not_examined", Integer, nullable=False),
    Column("findings", Integer, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("number", Integer),  # in the order of recording; empty in rows that are older than version 3
    Column("registry", String(255)),  # empty in rows that are older than version 5
    Column("ticket", String(64)),  # empty in rows that are older than version 6
)

_run = "runs.run"

hosts = Table(
    "hosts",
    metadata,
    Column("run", ForeignKey(_run, ondelete="CASCADE"), primary_key=True),
    Column("host", String(255), primary_key=True, index=True),
    Column("reached", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("error_kind", String(32)),
    Column("proofs", JSON),  # of the last verify
)

changes = Table(
    "changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run", ForeignKey(_run, ondelete="CASCADE"), nullable=False, index=True),
    Column("host", String(255), nullable=False),
    Column("id", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("diff", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("error_kind", String(32)),
    Column("causes", JSON),
)

findings = Table(
    "findings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("id", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("stage", String(128), nullable=False),
    Column("what", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("waived", Text, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("cleared", Moment, index=True),
    # whether a notice was sent that it is open, and that it is over
    Column("told_open", Boolean, nullable=False, default=False),
    Column("told_over", Boolean, nullable=False, default=False),
    Column("error_kind", String(32)),
    # a finding is open only once, also where two controllers record it at the same time
    Index("one_open", "host", "id", unique=True, sqlite_where=OPEN),
)

expiries = Table(
    "expiries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", String(255), primary_key=True),
    Column("what", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("stage", String(128), nullable=False),
    Column("expires", Moment, nullable=False),
)

measurements = Table(
    "measurements",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("id", Text, nullable=False),
    Column("taken", Moment, nullable=False),
    Column("day", String(10), nullable=False),
    Column("amount", Float, nullable=False),
)

configurations = Table(
    "configurations",  # of network devices, without secrets; a row for each that differs from the one before
    metadata,
    Column("number", Integer, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("run", String(64), nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("changed_by", String(255), nullable=False),
    Column("changed_at", String(255), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("lines", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # compressed by zlib
    Index("configuration_of", "host", "version", unique=True),
)


def for_postgresql() -> None:
    """Set the condition of the index ``one_open`` for PostgreSQL; SQLAlchemy then imports its PostgreSQL dialect."""
    for index in findings.indexes:
        if index.name == "one_open":
            index.dialect_kwargs["postgresql_where"] = OPEN
