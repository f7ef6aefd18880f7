"""Version 4: a table of measurements."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, DateTime, Float, Integer, String, Text


def upgrade(operations: Operations) -> None:
    """Create the table, empty."""
    operations.create_table(
        "measurements",
        Column("number", Integer, primary_key=True),
        Column("host", String(255), nullable=False),
        Column("id", Text, nullable=False),
        Column("taken", DateTime(timezone=True), nullable=False),
        Column("day", String(10), nullable=False),
        Column("amount", Float, nullable=False),
    )
