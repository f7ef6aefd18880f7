"""Version 2: the kind of each error beside its text."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, String


def upgrade(operations: Operations) -> None:
    """Add the column to hosts and changes; it stays empty in older rows."""
    for table in ("hosts", "changes"):
        operations.add_column(table, Column("error_kind", String(32), nullable=True))
