"""What lies in the directory of backups at its own name is whole, whatever ended the backup before."""

from __future__ import annotations

import multiprocessing
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import HostError, InputError
from moor.tasks.backup.parts import DATABASE
from moor.tasks.backup.retention import Keep
from moor.tasks.backup.store import BLOB_LIST, PARTIAL, RECORD, SUMS, Store, format_blobs, parse_blobs
from tests.tasks.backup.keys import keep_blob, new_key, whole_backup

ONE, TWO, THREE = "20261126-030000-aaaa", "20261127-030000-bbbb", "20261128-030000-cccc"
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(st.dictionaries(digests, st.integers(0, 2**50)))
def test_a_list_of_blobs_is_read_as_it_was_written(blobs: dict[str, int]) -> None:
    assert parse_blobs(format_blobs(blobs)) == blobs


def test_a_backup_that_did_not_come_to_its_end_is_none(tmp_path: Path) -> None:
    store, key = Store(tmp_path), new_key()
    whole_backup(store, key, ONE, [b"layer"])
    draft = store.begin(TWO)
    (draft / DATABASE).write_bytes(b"half")
    assert (store.names(), store.partial(), store.newest()) == ([ONE], [TWO], ONE)
    with pytest.raises(InputError, match=f"{TWO}: this backup did not come to its end"):
        store.named(TWO)
    store.begin(THREE)
    assert store.partial() == [THREE]
    assert store.named("20261126") == ONE


def test_sha256sum_verifies_a_backup(tmp_path: Path) -> None:
    path = whole_backup(Store(tmp_path), new_key(), ONE, [b"layer"])
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name}: OK" for name in (BLOB_LIST, DATABASE, RECORD)]


@pytest.mark.parametrize("name", [DATABASE, RECORD, BLOB_LIST, SUMS])
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_file_that_is_gone_or_changed_is_named(tmp_path: Path, name: str, how: str) -> None:
    store = Store(tmp_path)
    path = whole_backup(store, new_key(), ONE, [b"layer"]) / name
    assert store.faults(ONE) == []
    path.unlink() if how == "gone" else path.write_bytes(path.read_bytes()[5:])
    (fault,) = store.faults(ONE)
    assert str(path.parent if name == SUMS else path) in fault


def test_a_blob_that_is_gone_or_cut_short_is_named_and_brought_anew(tmp_path: Path) -> None:
    store, key = Store(tmp_path), new_key()
    whole_backup(store, key, ONE, [b"one layer", b"another layer"])
    blobs = store.blobs_of(ONE)
    first, second = sorted(blobs)
    store.blob(key.id, first).unlink()
    store.blob(key.id, second).write_bytes(b"x")
    assert [fault.partition(":")[0] for fault in store.faults(ONE)] == [
        str(store.blob(key.id, d)) for d in sorted(blobs)
    ]
    assert store.lacks(key.id, blobs) == blobs


def test_a_record_of_a_newer_moor_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = whole_backup(store, new_key(), ONE, []) / RECORD
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(HostError, match=r"record.json: format: .*; it is damaged, or a newer moor wrote it"):
        store.record(ONE)


def test_what_is_kept_no_longer_goes_with_the_blobs_that_nobody_else_needs(tmp_path: Path) -> None:
    store, key = Store(tmp_path), new_key()
    for name, contents in ((ONE, [b"old", b"shared"]), (TWO, [b"shared"]), (THREE, [b"shared", b"new"])):
        whole_backup(store, key, name, contents)
    lone = keep_blob(store, key, b"of a backup that was cut")
    assert store.forget(Keep(last=2)) == [ONE]
    assert store.names() == [TWO, THREE]
    assert store.faults(TWO) == store.faults(THREE) == []
    kept = {path.name for path in tmp_path.glob("blobs-*/*/*")}
    assert kept == set(store.blobs_of(TWO)) | set(store.blobs_of(THREE))
    assert not kept & set(lone)


def test_blobs_of_another_key_are_not_taken_for_kept(tmp_path: Path) -> None:
    store, key = Store(tmp_path), new_key()
    blobs = keep_blob(store, key, b"layer")
    assert store.lacks(key.id, blobs) == {}
    assert store.lacks(new_key().id, blobs) == blobs


def hold(directory: Path, is_held: multiprocessing.synchronize.Event) -> None:
    with Store(directory).locked():
        is_held.set()
        multiprocessing.Event().wait(60)


def test_one_writes_at_a_time_and_the_lock_of_who_is_killed_is_free(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    is_held = context.Event()
    other = context.Process(target=hold, args=(tmp_path, is_held))
    other.start()
    try:
        assert is_held.wait(30)
        with pytest.raises(InputError, match="another backup or restore is at work there"), Store(tmp_path).locked():
            pass
    finally:
        other.kill()
        other.join()
    with Store(tmp_path).locked():
        assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_names_of_others_are_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / f"notes{PARTIAL}").mkdir()
    assert (store.names(), store.partial()) == ([], [])
    store.begin(ONE)
    assert (tmp_path / f"notes{PARTIAL}").is_dir()
