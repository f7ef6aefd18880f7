"""Steps from one version of the tables to the next, by Alembic's operations, in the transaction of the caller.

The number in ``moor_version`` says which tables a database has, so that one that is up to date is opened without
Alembic. ``STEPS[n]`` leads from version n to n + 1; a step is never changed once it was released.
"""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, update

from moor.history.migrations import error_kind
from moor.history.tables import VERSION, versions

STEPS = {1: error_kind.upgrade}


def migrate(connection: Connection, found: int) -> None:
    """Bring the tables from version ``found`` to that of this moor; the caller's transaction holds all or nothing."""
    operations = Operations(MigrationContext.configure(connection))
    for version in range(found, VERSION):
        STEPS[version](operations)
    connection.execute(update(versions).values(version=VERSION))
