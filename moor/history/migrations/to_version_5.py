"""Version 5: the registry of a run, what a verify proved of each host, and the causes of what failed."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, Column, String


def upgrade(operations: Operations) -> None:
    """Add the columns, which stay empty in older rows."""
    operations.add_column("runs", Column("registry", String(255), nullable=True))
    operations.add_column("hosts", Column("proofs", JSON, nullable=True))
    operations.add_column("changes", Column("causes", JSON, nullable=True))
