"""Files of the controller and their SHA-256, which is computed while a file is sent, so that it is read only once."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class FileVersion:
    """What changes whenever a file is written: its size, the times of content and inode, and the inode itself."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileVersion:
        """Return the version that a status tells of."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


_hashes: dict[Path, tuple[FileVersion, str]] = {}  # of this process: one entry a file, with the version that was hashed


class HashedFile(io.FileIO):
    """A file that is hashed while it is read, up to the size that it had when it was opened.

    Attributes:
        version: the file's version when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open the file; raises InputError if it cannot be read."""
        try:
            super().__init__(path)
            self.version = FileVersion.of(os.fstat(self.fileno()))
        except OSError as error:
            raise unreadable(path, error) from error
        self._path = path
        self.read_from_start()

    def read_from_start(self) -> None:
        """Begin again, with the first byte."""
        self.seek(0)
        self._left, self._sha256 = self.version.size, hashlib.sha256()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes, and none at the end."""
        piece = super().read(self._left if size is None or size < 0 else min(size, self._left)) or b""
        self._left -= len(piece)
        self._sha256.update(piece)
        return piece

    def skip(self, length: int) -> str:
        """Read ``length`` bytes, and return the hash of everything that was read so far."""
        while length and (piece := self.read(min(CHUNK, length))):
            length -= len(piece)
        return self._sha256.hexdigest()

    def check_unchanged(self) -> None:
        """Raise InputError if the file was changed or cut since it was opened."""
        if FileVersion.of(os.fstat(self.fileno())) != self.version:
            raise InputError(f"{self._path}: it was changed while it was read; run again once it is complete")

    def finish(self) -> str:
        """Return the hash of the whole file, all of which has been read; raises InputError if it was changed."""
        self.check_unchanged()
        if self._left:
            raise InputError(f"{self._path}: {self._left} bytes less than its size can be read; check its file system")
        digest = self._sha256.hexdigest()
        _hashes[self._path] = self.version, digest
        return digest


def size_of_file(path: Path) -> int:
    """Return a file's size; raises InputError if there is no such file, or if it cannot be read."""
    try:
        status = path.stat()
        if not os.access(path, os.R_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size


def hash_of_file(path: Path) -> str:
    """Return the hash of a file, which is read only if it is another than the last time; raises InputError."""
    with HashedFile(path) as file:
        known = _hashes.get(path)
        if known and known[0] == file.version:
            return known[1]
        file.skip(file.version.size)
        return file.finish()


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that cannot be read."""
    remedy = "download it first" if isinstance(error, FileNotFoundError) else "moor has to be able to read it"
    return InputError(f"{path}: {error.strerror}; {remedy}")
