"""Private files are written whole or not at all."""

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from moor import private


def test_a_write_replaces_the_whole_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    private.write(tmp_path / "key", b"one")
    private.write(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["key"]


def test_a_directory_that_others_may_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir(mode=0o755)
    private.directory(tmp_path / "pki")
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


def test_a_write_leaves_the_mode_of_a_directory_that_is_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private.write(tmp_path / "key", b"one")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_write_that_fails_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(OSError, match="directory"):
        private.write(tmp_path / "key", b"one")
    assert os.listdir(tmp_path) == ["key"]


def test_of_many_who_write_at_once_one_wins_and_all_read_it(tmp_path: Path) -> None:
    won: list[bytes] = []

    def attempt(content: bytes) -> None:
        if private.write_new(tmp_path / "new" / "secret", content):
            won.append(content)

    threads = [threading.Thread(target=attempt, args=(bytes([65 + n]) * 1000,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [(tmp_path / "new" / "secret").read_bytes()]


def test_what_a_killed_run_left_is_swept_after_a_while(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".key.00000000", tmp_path / ".key.11111111"
    for part in (old, fresh):
        part.touch()
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    private.write(tmp_path / "key", b"one")
    assert sorted(os.listdir(tmp_path)) == [".key.11111111", "key"]
