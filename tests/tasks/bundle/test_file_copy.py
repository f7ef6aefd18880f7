"""Files copied by the kernel, or by reading and writing where the kernel refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.resources.hashed_file import FileVersion
from moor.tasks.bundle.file_copy import copy_by_kernel, write_all
from moor.tasks.bundle.manifest import BundleManifest, Part
from moor.tasks.bundle.tar_file import pack


@given(content=st.binary(max_size=5000), before=st.binary(max_size=600), more=st.integers(0, 3))
def test_what_arrives_is_what_was_there_at_the_place_where_writing_stands(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, before: bytes, more: int
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    (folder / "from").write_bytes(content)
    with (folder / "from").open("rb", buffering=0) as source, (folder / "to").open("wb", buffering=0) as out:
        write_all(out, before)
        assert copy_by_kernel(source, out, len(content) + more) == len(content)
        write_all(out, b"end")
    assert (folder / "to").read_bytes() == before + content + b"end"


@pytest.mark.parametrize("after", [0, 1])
def test_a_kernel_that_cannot_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    real, calls = os.copy_file_range, iter(range(9))

    def refusing(source: int, target: int, _: int) -> int:
        if next(calls) >= after:
            raise OSError(errno.EXDEV, "another file system")
        return real(source, target, 7)

    monkeypatch.setattr(os, "copy_file_range", refusing)
    (tmp_path / "from").write_bytes(b"0123456789" * 9)
    with (tmp_path / "from").open("rb", buffering=0) as source, (tmp_path / "to").open("wb", buffering=0) as out:
        assert copy_by_kernel(source, out, 90) == 90
    assert (tmp_path / "to").read_bytes() == b"0123456789" * 9


def test_a_full_disk_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as out, pytest.raises(OSError, match="No space left"):
        write_all(out, b"x")
    (tmp_path / "from").write_bytes(b"x")
    with Path("/dev/full").open("wb", buffering=0) as out, (tmp_path / "from").open("rb", buffering=0) as source:  # noqa: SIM117
        with pytest.raises(OSError, match="No space left"):
            copy_by_kernel(source, out, 1)


def test_a_part_that_was_changed_after_it_was_hashed_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a").write_bytes(b"hashed")
    version = FileVersion.of((folder / "a").stat())
    manifest = BundleManifest("now", "1", (Part("a", "chart", 6, "0" * 64),))
    pack(folder, manifest, tmp_path / "whole.bundle", {"a": version})
    (folder / "a").write_bytes(b"Hashed")
    with pytest.raises(InputError, match="it was changed while the bundle was made; run again"):
        pack(folder, manifest, tmp_path / "other.bundle", {"a": version})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "whole.bundle"]
