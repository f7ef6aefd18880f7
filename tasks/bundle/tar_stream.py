"""A tar that is made while it is read, of files as they are on disk, each compared with its hash; constant memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError
from moor.lazy_imports import tarfile

BLOCK = 512
CHUNK = 1024 * 1024
END = bytes(2 * BLOCK)


@dataclass(frozen=True)
class Entry:
    """One file of a tar.

    Attributes:
        content: the bytes, or the file with them.
        sha256: what the content must hash to; empty for bytes of our own.
        part: what messages call the file.
    """

    name: str
    content: bytes | Path
    sha256: str = ""
    part: str = ""

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


class TarStream(io.RawIOBase):
    """A readable tar of ``entries``; a read raises InputError when a file is not what its hash says."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._pieces = _pieces(entries)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most ``size`` bytes, and none at the end."""
        if size is None or size < 0:
            return self._left + b"".join(self._pieces)
        while not self._left and (piece := next(self._pieces, None)) is not None:
            self._left = piece
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def _pieces(entries: Iterable[Entry]) -> Iterator[bytes]:
    for entry in entries:
        size = entry.size
        yield header(entry.name, size)
        yield from [entry.content] if isinstance(entry.content, bytes) else _file(entry, entry.content, size)
        yield padding(size)
    yield END


def header(name: str, size: int) -> bytes:
    """Return what stands before a file of a tar."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """Return what follows a file of a size, up to the next block."""
    return bytes(-size % BLOCK)


def _file(entry: Entry, path: Path, size: int) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while left and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            digest.update(piece)
            yield piece
    if left or (entry.sha256 and digest.hexdigest() != entry.sha256):
        raise InputError(
            f"{path}: it is not what the bundle's manifest says of {entry.part or entry.name}; copy it "
            "again, or make it "
            "again"
        )
