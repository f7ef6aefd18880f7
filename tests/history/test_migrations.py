"""A database of an older moor is migrated when it is first opened, completely or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import inspect, text

from moor.history import VERSION, migrations
from moor.history.database import connected, database_of
from moor.history.reading import History
from moor.history.recording import record
from moor.history.schema import engine_for
from moor.history.sqlite_file import SqliteFile
from moor.history.tables import metadata
from moor.settings import SiteSettings
from tests.history.reports import a_run

FLEET = frozenset({"node1"})
# As the first moor made them.
FIRST = (
    "CREATE TABLE moor_version (version INTEGER NOT NULL, PRIMARY KEY (version))",
    "CREATE TABLE runs (run VARCHAR(64) NOT NULL, command VARCHAR(32) NOT NULL, runbook VARCHAR(128) NOT NULL, "
    "started TIMESTAMP{zone} NOT NULL, duration_s FLOAT NOT NULL, hosts INTEGER NOT NULL, "
    "not_examined INTEGER NOT NULL, findings INTEGER NOT NULL, counts JSON NOT NULL, whole BOOLEAN NOT NULL, "
    "PRIMARY KEY (run))",
    "CREATE TABLE hosts (run VARCHAR(64) NOT NULL REFERENCES runs (run) ON DELETE CASCADE, host VARCHAR(255) NOT NULL, "
    "reached BOOLEAN NOT NULL, error TEXT NOT NULL, counts JSON NOT NULL, PRIMARY KEY (run, host))",
    "CREATE TABLE changes (number {serial}, run VARCHAR(64) NOT NULL REFERENCES runs (run) ON DELETE CASCADE, "
    "host VARCHAR(255) NOT NULL, id TEXT NOT NULL, status VARCHAR(16) NOT NULL, diff TEXT NOT NULL, "
    "error TEXT NOT NULL, PRIMARY KEY (number))",
    "CREATE TABLE findings (number {serial}, host VARCHAR(255) NOT NULL, id TEXT NOT NULL, state VARCHAR(16) NOT NULL, "
    "stage VARCHAR(128) NOT NULL, what TEXT NOT NULL, remedy TEXT NOT NULL, waived TEXT NOT NULL, "
    "first_seen TIMESTAMP{zone} NOT NULL, last_seen TIMESTAMP{zone} NOT NULL, cleared TIMESTAMP{zone}, "
    "told_open BOOLEAN NOT NULL, told_over BOOLEAN NOT NULL, PRIMARY KEY (number))",
    "CREATE UNIQUE INDEX one_open ON findings (host, id) WHERE cleared IS NULL",
    "CREATE TABLE expiries (id TEXT NOT NULL, host VARCHAR(255) NOT NULL, what TEXT NOT NULL, remedy TEXT NOT NULL, "
    "stage VARCHAR(128) NOT NULL, expires TIMESTAMP{zone} NOT NULL, PRIMARY KEY (id, host))",
    "INSERT INTO moor_version VALUES (1)",
    "INSERT INTO runs VALUES ('old-1', 'drift', 'drift', '2026-10-01 00:00:00.000000', 1.5, 1, 1, 0, '{{}}', true)",
    "INSERT INTO hosts VALUES ('old-1', 'node1', false, 'connection refused', '{{}}')",
)


@pytest.fixture
def old(anywhere: SiteSettings) -> SiteSettings:
    """Return a site with the database of the first moor."""
    database = database_of(anywhere)
    if isinstance(database, SqliteFile):
        database.create()
    engine = engine_for(database.sqlalchemy_url())
    postgresql = engine.dialect.name == "postgresql"
    words = {
        "serial": "SERIAL NOT NULL" if postgresql else "INTEGER NOT NULL",
        "zone": " WITH TIME ZONE" if postgresql else "",
    }
    with engine.begin() as connection:
        metadata.drop_all(connection)
        for line in FIRST:
            connection.execute(text(line.format(**words).replace(":", "\\:")))
    engine.dispose()
    return anywhere


def version(settings: SiteSettings) -> int:
    engine = engine_for(database_of(settings).sqlalchemy_url())
    with engine.connect() as connection:
        found = int(connection.execute(text("SELECT version FROM moor_version")).scalar_one())
        assert inspect(connection).has_table("measurements") == (found > 3)
        tables = {table: inspect(connection).get_columns(table) for table in ("hosts", "changes", "findings", "runs")}
    engine.dispose()
    columns = {(table, column["name"]) for table, those in tables.items() for column in those}
    assert {("hosts", "error_kind"), ("changes", "error_kind")} <= columns or found < 2
    assert {("findings", "error_kind"), ("runs", "number")} <= columns or found < 3
    assert not {("hosts", "error_kind"), ("runs", "number")} & columns or found > 1
    assert ({("runs", "registry"), ("hosts", "proofs"), ("changes", "causes")} <= columns) == (found > 4)
    return found


def test_reading_migrates_the_database_and_keeps_its_rows(old: SiteSettings) -> None:
    with connected(old, writing=False) as connection:
        rows = History(connection).hosts("old-1")
    assert [(row.host, row.error, row.error_kind) for row in rows] == [("node1", "connection refused", None)]
    assert version(old) == VERSION


def test_recording_a_run_migrates_the_database_and_stores_the_kinds_of_errors(old: SiteSettings) -> None:
    run = a_run({"node1": {"file:/a": "failed"}}, unexamined=("node2",))
    assert record(old, run, FLEET).trouble == ""
    with connected(old, writing=False) as connection:
        history = History(connection)
        assert [row.run for row in history.runs()] == [run.run, "old-1"]
        assert [(row.host, row.error_kind) for row in history.hosts(run.run)] == [
            ("node1", None),
            ("node2", "unreachable"),
        ]
        assert [row.error_kind for row in history.changes([run.run])] == ["command"]
        assert {row.id: row.error_kind for row in history.open()} == {
            "file:/a": "command",
            "host:examined": "unreachable",
        }


def test_version_2_is_migrated_and_its_open_finding_gets_a_kind_in_the_next_run(old: SiteSettings) -> None:
    engine = engine_for(database_of(old).sqlalchemy_url())
    with engine.begin() as connection:
        migrations.STEPS[1](Operations(MigrationContext.configure(connection)))
        connection.execute(text("UPDATE moor_version SET version = 2"))
        connection.execute(
            text(
                "INSERT INTO findings (host, id, state, stage, what, remedy, waived, first_seen, last_seen, told_open, "
                "told_over) VALUES ('node1', 'file:/a', 'failed', 'write_hosts', 'x', '', '', '2026-10-01 00:00:00.0', "
                "'2026-10-01 00:00:00.0', true, false)"
            )
        )
    engine.dispose()
    with connected(old, writing=False) as connection:
        assert [(row.id, row.error_kind) for row in History(connection).open()] == [("file:/a", None)]
    assert version(old) == VERSION
    assert record(old, a_run({"node1": {"file:/a": "failed"}}), FLEET).trouble == ""
    with connected(old, writing=False) as connection:
        (row,) = History(connection).open()
    assert (row.id, row.error_kind, row.first_seen.month) == ("file:/a", "command", 10)


def test_a_finding_of_a_renamed_task_ends_when_that_task_finds_nothing_any_more(old: SiteSettings) -> None:
    engine = engine_for(database_of(old).sqlalchemy_url())
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO findings (host, id, state, stage, what, remedy, waived, first_seen, last_seen, told_open, "
                "told_over) VALUES ('node1', 'mount:/data', 'drift', 'look_ahead', 'x', '', '', "
                "'2026-10-01 00:00:00.0', '2026-10-01 00:00:00.0', true, false)"
            )
        )
    engine.dispose()
    assert record(old, a_run({"node1": {}}, answered=("check_expiry_dates",)), FLEET).trouble == ""
    with connected(old, writing=False) as connection:
        assert History(connection).open() == []


def read_runs(settings: SiteSettings) -> None:
    with connected(settings, writing=False) as connection:
        assert [row.run for row in History(connection).runs()] == ["old-1"]


def test_two_controllers_at_the_same_time_migrate_once(old: SiteSettings) -> None:
    context = multiprocessing.get_context("spawn")
    controllers = [context.Process(target=read_runs, args=(old,)) for _ in range(3)]
    for controller in controllers:
        controller.start()
    for controller in controllers:
        controller.join()
    assert [controller.exitcode for controller in controllers] == [0, 0, 0]
    assert version(old) == VERSION


def die_midway(settings: SiteSettings) -> None:
    step = migrations.STEPS[1]

    def half(operations: object) -> None:
        step(operations)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGKILL)

    migrations.STEPS[1] = half
    read_runs(settings)


def test_a_controller_that_is_killed_while_migrating_changes_nothing(old: SiteSettings) -> None:
    killed = multiprocessing.get_context("spawn").Process(target=die_midway, args=(old,))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert version(old) == 1
    read_runs(old)
    assert version(old) == VERSION


def test_a_database_that_is_up_to_date_is_opened_without_alembic(settings: SiteSettings, tmp_path: Path) -> None:
    assert record(settings, a_run({"node1": {}}), FLEET).trouble == ""
    code = (
        "import sys; from pathlib import Path; from moor.settings import SiteSettings\n"
        "from moor.history.database import connected\n"
        f"with connected(SiteSettings.at(Path({str(tmp_path)!r}), state={str(settings.state)!r}), writing=True): pass\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
