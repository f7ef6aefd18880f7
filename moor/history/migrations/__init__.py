"""Migrations of the history database from one version of its tables to the next, by Alembic's operations.

The table ``moor_version`` holds the version of a database, so a database that is up to date is opened without Alembic.
``STEPS[n]`` leads from version n to n + 1. A step is never changed once it was released.
"""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, update

from moor.history import VERSION
from moor.history.migrations import to_version_2, to_version_3, to_version_4, to_version_5, to_version_6, to_version_7
from moor.history.tables import versions

STEPS = {
    1: to_version_2.upgrade,
    2: to_version_3.upgrade,
    3: to_version_4.upgrade,
    4: to_version_5.upgrade,
    5: to_version_6.upgrade,
    6: to_version_7.upgrade,
}


def migrate(connection: Connection, found: int) -> None:
    """Migrate the tables from version ``found`` to this moor's; the caller commits or rolls back all steps together."""
    operations = Operations(MigrationContext.configure(connection))
    for version in range(found, VERSION):
        STEPS[version](operations)
    connection.execute(update(versions).values(version=VERSION))
