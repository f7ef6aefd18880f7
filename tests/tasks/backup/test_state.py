"""The site's state in a backup: all of it but the key, whole databases, and nothing is replaced when it is put back."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

from moor.tasks.backup.encryption import KEY_FILE
from moor.tasks.backup.state import put_missing_back, write_state


def packed(state: Path, beside: Path) -> io.BytesIO:
    archive = io.BytesIO()
    write_state(state, beside, archive)
    archive.seek(0)
    return archive


def test_the_state_is_put_back_without_replacing_anything(tmp_path: Path) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    for name, content in {
        "pki/ca.key": "key",
        "secrets/robot": "word",
        KEY_FILE: "identity",
        "backups/x": "blob",
    }.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(content)
        (state / name).chmod(0o600)
    archive = packed(state, state / "backups")
    (other / "secrets").mkdir(parents=True)
    (other / "secrets/robot").write_text("newer")
    assert put_missing_back(archive, other) == ["pki/ca.key"]
    assert (other / "secrets/robot").read_text() == "newer"
    assert ((other / "pki/ca.key").read_text(), (other / "pki/ca.key").stat().st_mode & 0o777) == ("key", 0o600)
    assert sorted(path.name for path in other.rglob("*") if path.is_file()) == ["ca.key", "robot"]


def test_a_database_in_use_is_whole_in_the_backup(tmp_path: Path) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    state.mkdir()
    with closing(sqlite3.connect(state / "history.db")) as used:
        used.execute("pragma journal_mode=wal")
        used.execute("create table run (name text)")
        used.execute("insert into run values ('first')")
        used.commit()
        used.execute("insert into run values ('under way')")
        put_missing_back(packed(state, tmp_path / "backups"), other)
    with closing(sqlite3.connect(other / "history.db")) as copy:
        assert copy.execute("select name from run").fetchall() == [("first",)]
    assert [path.name for path in other.iterdir()] == ["history.db"]
