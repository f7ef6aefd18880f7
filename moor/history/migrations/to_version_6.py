"""Version 6: the ticket of a run."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, String


def upgrade(operations: Operations) -> None:
    """Add the column, which stays empty in older rows."""
    operations.add_column("runs", Column("ticket", String(64), nullable=True))
