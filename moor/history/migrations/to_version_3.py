"""Version 3: the kind of each finding's error, the order in which runs were recorded, and new names of three tasks."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Integer, String, column, table, update

STAGES = {
    "look_around": "check_environment",
    "look_at_way": "check_registry_path",
    "look_ahead": "check_expiry_dates",
}


def upgrade(operations: Operations) -> None:
    """Add both columns, which stay empty in older rows, and rename stages so that their open findings can end."""
    operations.add_column("findings", Column("error_kind", String(32), nullable=True))
    operations.add_column("runs", Column("number", Integer, nullable=True))
    for rows in (table("findings", column("stage")), table("expiries", column("stage"))):
        for old, new in STAGES.items():
            operations.execute(update(rows).where(rows.c.stage == old).values(stage=new))
