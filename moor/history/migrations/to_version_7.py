"""Version 7: what network devices hold."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, DateTime, Integer, LargeBinary, String


def upgrade(operations: Operations) -> None:
    """Add the table, and its index."""
    operations.create_table(
        "configurations",
        Column("number", Integer, primary_key=True),
        Column("host", String(255), nullable=False),
        Column("version", Integer, nullable=False),
        Column("run", String(64), nullable=False),
        Column("first_seen", DateTime(timezone=True), nullable=False),
        Column("last_seen", DateTime(timezone=True), nullable=False),
        Column("changed_by", String(255), nullable=False),
        Column("changed_at", String(255), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("lines", Integer, nullable=False),
        Column("added", Integer, nullable=False),
        Column("removed", Integer, nullable=False),
        Column("content", LargeBinary, nullable=False),
    )
    operations.create_index("configuration_of", "configurations", ["host", "version"], unique=True)
