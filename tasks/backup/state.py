"""The site's state on the controller, as a part of a backup: certificates, passwords, history."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO

from moor.secrets import private_files
from moor.tasks.backup.encryption import KEY_FILE

DATABASES = ".db"
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite has beside a database that is in use


def write_state(state: Path, beside: Path, target: BinaryIO) -> None:
    """Write an archive of the site's state, without the key of the backups.

    Args:
        state: the directory.
        beside: left out if it is inside, such as the backups themselves.
        target: gets the archive.
    """
    with tarfile.open(fileobj=target, mode="w|") as archive:
        for path in _files(state, beside):
            with suppress(FileNotFoundError):  # another run has removed it
                _add(archive, path, str(path.relative_to(state)))


def _files(state: Path, beside: Path) -> Iterator[Path]:
    for path in sorted(state.rglob("*")):
        is_ours = path == state / KEY_FILE or path.is_relative_to(beside)
        if path.is_file() and not path.is_symlink() and not is_ours and not path.name.endswith(BESIDE):
            yield path


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = path.stat().st_mode & 0o777, int(path.stat().st_mtime)
    content = _copy_of_database(path) if path.suffix == DATABASES else path.read_bytes()
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _copy_of_database(path: Path) -> bytes:
    """Return a whole copy of a database that may be written to meanwhile."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        try:
            with (
                closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error:
            return path.read_bytes()  # no database of SQLite
        return copy.read_bytes()


def put_missing_back(source: BinaryIO, state: Path) -> list[str]:
    """Write the files of an archive that the site's state lacks, and return their names; none is replaced."""
    written = []
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            content = archive.extractfile(member)
            if content is None or name.is_absolute() or ".." in name.parts:
                continue
            if private_files.write_new(state / name, content.read(), member.mode & 0o700):
                written.append(str(name))
    return written
