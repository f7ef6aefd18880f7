"""Backups are opened by their key alone, by moor and by age itself."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.errors import HostError
from moor.tasks.backup.encryption import BackupKey
from tests.tasks.backup.keys import new_key


def encrypted(key: BackupKey, content: bytes) -> bytes:
    target = io.BytesIO()
    key.encrypt(io.BytesIO(content), target)
    return target.getvalue()


def decrypted(key: BackupKey, content: bytes) -> bytes:
    target = io.BytesIO()
    key.decrypt(io.BytesIO(content), target, "part")
    return target.getvalue()


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=200_000))
def test_what_is_encrypted_is_decrypted_the_same(content: bytes) -> None:
    key = new_key()
    sealed = encrypted(key, content)
    assert decrypted(key, sealed) == content
    assert len(sealed) > len(content)  # by which a copy that was cut is told
    assert len(content) < 20 or content not in sealed


@pytest.mark.parametrize("at", [0, 40, 150, -1])
def test_a_changed_byte_or_a_missing_end_is_refused(at: int) -> None:
    key = new_key()
    sealed = bytearray(encrypted(key, bytes(200_000)))
    sealed[at] ^= 1
    for wrong in (bytes(sealed), encrypted(key, bytes(200_000))[:-100], b""):
        with pytest.raises(HostError, match="part: cannot be decrypted"):
            decrypted(key, wrong)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(HostError, match="encrypted with another key"):
        decrypted(new_key(), encrypted(new_key(), b"x"))


def test_age_itself_opens_it_and_so_does_each_further_recipient(tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("age is not installed (scripts/packages.sh)")
    mine, other = new_key(), tmp_path / "other.key"
    subprocess.run(["age-keygen", "-o", str(other)], check=True, capture_output=True)
    public = subprocess.check_output(["age-keygen", "-y", str(other)], text=True).strip()
    both = BackupKey(mine.identity, (*mine.recipients, public))
    own = tmp_path / "own.key"
    own.touch(mode=0o600)
    own.write_text(f"{mine.identity}\n")
    content = os.urandom(100_000)
    (tmp_path / "sealed").write_bytes(encrypted(both, content))
    for key in (own, other):
        assert subprocess.check_output(["age", "-d", "-i", str(key), str(tmp_path / "sealed")]) == content
    assert both.id != mine.id


class Full:
    """A disk that is full after some bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, content: bytes) -> int:
        self.room -= len(content)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return len(content)

    def flush(self) -> None:
        """Do nothing."""

    def read(self, size: int) -> bytes:
        if self.room <= 0:
            raise OSError(5, "Input/output error")
        self.room -= size
        return bytes(size)


@pytest.mark.parametrize("room", [0, 100, 250, 100_000, 200_100])
def test_the_end_that_did_not_fit_is_told(room: int) -> None:
    key = new_key()
    with pytest.raises(OSError, match="No space left"):
        key.encrypt(io.BytesIO(bytes(200_000)), cast("Any", Full(room)))
    with pytest.raises(OSError, match="No space left"):
        key.decrypt(io.BytesIO(encrypted(key, bytes(300_000))), cast("Any", Full(room)), "part")


@pytest.mark.parametrize("room", [0, 100, 100_000])
def test_what_could_not_be_read_is_told(room: int) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        new_key().encrypt(cast("Any", Full(room)), io.BytesIO())
