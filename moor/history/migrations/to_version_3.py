"""Version 3: the kind of each finding's error, and the order in which runs were recorded."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Integer, String


def upgrade(operations: Operations) -> None:
    """Add both columns; they stay empty in older rows."""
    operations.add_column("findings", Column("error_kind", String(32), nullable=True))
    operations.add_column("runs", Column("number", Integer, nullable=True))
