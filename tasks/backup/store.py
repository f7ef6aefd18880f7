"""The directory of the backups: whole ones, begun ones, and the blobs that they share.

    NAME/               a whole backup: record.json, SHA256SUMS, blobs, and its encrypted parts
    NAME.partial/       one that has not come to its end; it becomes NAME by a rename, which is the last step
    blobs-KEY/ab/ab...  the registry's blobs, each once and encrypted, named by their digest

Blobs are written beside their place too. So whatever ends a backup, what lies at its own name is whole.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from moor.errors import ErrorKind, HostError, InputError
from moor.secrets import private_files
from moor.tasks.backup.record import Record, parse_record
from moor.tasks.backup.retention import Keep, backups_to_keep
from moor.tasks.backup.streams import CHUNK, Hashing

NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
BLOB = re.compile(r"[0-9a-f]{64}")
PARTIAL, DROPPED, UNFINISHED = ".partial", ".dropped", ".part"
RECORD, SUMS, BLOB_LIST = "record.json", "SHA256SUMS", "blobs"
LOCK = "lock"
BLOBS = "blobs-"  # and the key's id

Blobs = dict[str, int]  # size by digest, without the algorithm


@dataclass(frozen=True)
class Store:
    """The backups in one directory."""

    directory: Path

    def names(self) -> list[str]:
        """List the whole backups, the oldest first."""
        return sorted(name for name in self._entries() if NAME.fullmatch(name))

    def partial(self) -> list[str]:
        """List the backups that were begun and did not come to their end."""
        found = (name.removesuffix(PARTIAL) for name in self._entries() if name.endswith(PARTIAL))
        return sorted(name for name in found if NAME.fullmatch(name))

    def _entries(self) -> list[str]:
        return os.listdir(self.directory) if self.directory.is_dir() else []

    def newest(self) -> str:
        """Return the name of the newest whole backup; raise InputError without one."""
        names = self.names()
        if not names:
            raise InputError(f"{self.directory}: there is no whole backup; moor backup makes one")
        return names[-1]

    def named(self, start: str) -> str:
        """Return the whole backup whose name begins with ``start``; raise InputError if there is not exactly one."""
        found = [name for name in self.names() if name.startswith(start)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(f"{start}: several backups are called so: {', '.join(found)}; write more of the name")
        if [name for name in self.partial() if name.startswith(start)]:
            raise InputError(
                f"{start}: this backup did not come to its end, and is none; moor backup list shows others"
            )
        raise InputError(f"{start}: no such backup in {self.directory}; moor backup list shows them")

    def path(self, name: str) -> Path:
        """Return the directory of a whole backup."""
        return self.directory / name

    def record(self, name: str) -> Record:
        """Read what a whole backup says about itself; raise HostError if that is damaged."""
        path = self.path(name) / RECORD
        try:
            return parse_record(path.read_bytes(), str(path))
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}", ErrorKind.CONTROLLER) from None

    def blobs_of(self, name: str) -> Blobs:
        """Read the list of a backup's blobs."""
        return parse_blobs((self.path(name) / BLOB_LIST).read_text())

    def blob(self, key: str, digest: str) -> Path:
        """Return where a blob is kept."""
        return self.directory / f"{BLOBS}{key}" / digest[:2] / digest

    def lacks(self, key: str, blobs: Blobs) -> Blobs:
        """Return the blobs that are not kept yet; what is shorter than its content is none."""
        return {digest: size for digest, size in blobs.items() if not self._is_kept(self.blob(key, digest), size)}

    def _is_kept(self, path: Path, size: int) -> bool:
        try:
            return path.stat().st_size > size
        except OSError:
            return False

    def set_aside(self, key: str, digest: str) -> None:
        """Move a damaged blob aside, so that the next backup brings it anew."""
        path = self.blob(key, digest)
        if path.exists():
            path.replace(path.with_name(f"{digest}.damaged"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let nobody else write here while the block runs; the kernel drops the lock of a process that dies.

        Raises:
            InputError: somebody else writes here.
        """
        private_files.make_missing(self.directory)
        descriptor = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise InputError(f"{self.directory}: another backup or restore is at work there; wait for it") from None
        try:
            if not (self.directory / ".gitignore").exists():
                private_files.write(self.directory / ".gitignore", b"*\n")
            yield
        finally:
            os.close(descriptor)

    def begin(self, name: str) -> Path:
        """Make the directory of a backup that begins, and remove what earlier ones left that came to no end.

        Blobs that they have brought are kept.
        """
        for left in self.partial():
            shutil.rmtree(self.directory / f"{left}{PARTIAL}")
        draft = self.directory / f"{name}{PARTIAL}"
        private_files.make_directory(draft)
        return draft

    def finish(self, draft: Path, record: Record, blobs: Blobs) -> None:
        """Write record and checksums of a backup, and give it its name."""
        private_files.write(draft / BLOB_LIST, format_blobs(blobs).encode())
        private_files.write(draft / RECORD, record.model_dump_json(indent=2).encode())
        names = sorted(path.name for path in draft.iterdir() if path.name != SUMS)
        lines = (f"{hash_of(draft / name)}  {name}\n" for name in names)
        private_files.write(draft / SUMS, "".join(lines).encode())
        draft.rename(self.path(record.name))
        sync(self.directory)

    def faults(self, name: str) -> list[str]:
        """List the files of a backup that are missing or have another checksum, and the blobs that are missing."""
        folder = self.path(name)
        try:
            sums = dict(_sum(line) for line in (folder / SUMS).read_text().splitlines())
        except (OSError, ValueError):
            return [f"{folder / SUMS}: missing or damaged"]
        if not {RECORD, BLOB_LIST} <= set(sums):
            return [f"{folder / SUMS}: missing or damaged"]
        wrong = [fault for file, digest in sums.items() if (fault := _fault(folder / file, digest))]
        if wrong:
            return wrong
        record = self.record(name)
        gone = sorted(self.lacks(record.key, self.blobs_of(name)))
        return [f"{self.blob(record.key, digest)}: missing or cut short" for digest in gone]

    def forget(self, keep: Keep) -> list[str]:
        """Remove the backups that the rule does not keep, then the blobs that none refers to; return their names."""
        names = self.names()
        started = {name: datetime.strptime(name[:15], "%Y%m%d-%H%M%S") for name in names}
        gone = sorted(set(names) - backups_to_keep(started, keep))
        for name in gone:
            dropped = self.directory / f"{name}{DROPPED}"
            self.path(name).rename(dropped)
        for left in self._entries():
            if left.endswith(DROPPED):
                shutil.rmtree(self.directory / left)
        self._sweep()
        return gone

    def _sweep(self) -> None:
        needed: dict[str, set[str]] = {}
        for name in self.names():
            needed.setdefault(self.record(name).key, set()).update(self.blobs_of(name))
        for folder in self.directory.glob(f"{BLOBS}*"):
            kept = needed.get(folder.name.removeprefix(BLOBS), set())
            for path in folder.glob("??/*"):
                if path.name not in kept:
                    path.unlink()


def parse_blobs(text: str) -> Blobs:
    """Parse the list of a backup's blobs: a digest and a size in each line."""
    return {digest.removeprefix("sha256:"): int(size) for digest, size in map(str.split, text.splitlines())}


def format_blobs(blobs: Blobs) -> str:
    """Return the list of a backup's blobs."""
    return "".join(f"sha256:{digest} {blobs[digest]}\n" for digest in sorted(blobs))


def _fault(path: Path, digest: str) -> str:
    """Return what is wrong with a file; empty if it has the checksum."""
    if not path.is_file():
        return f"{path}: missing"
    return "" if hash_of(path) == digest else f"{path}: another checksum than when it was written"


def _sum(line: str) -> tuple[str, str]:
    digest, name = line.split("  ", 1)
    return name, digest


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    hashed = Hashing()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            hashed.write(piece)
    return hashed.digest


def sync(directory: Path) -> None:
    """Have the kernel write a directory's entries to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
