"""The files of one backup while it is made: what a host sends, packed and encrypted as it arrives."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from moor.connections.ssh.shell import Shell
from moor.errors import ErrorKind, HostError, MoorError
from moor.progress import TransferProgress
from moor.script_result import ScriptResult
from moor.tasks.backup.database import BEGIN, DUMP_END, Connection, Content, dump_program, parse_content
from moor.tasks.backup.encryption import BackupKey
from moor.tasks.backup.record import Part
from moor.tasks.backup.store import UNFINISHED, Blobs, Store
from moor.tasks.backup.streams import Gzipping, Hashing, Readable, as_file, receive

LONGEST_S = 6 * 3600.0  # for what nobody knows the size of
SLOWEST = 250_000  # bytes a second; what is slower times out
SUFFIX = ".gz.age"
DATABASE, ROLES, LINKS, CONFIGURATION, JOB_LOGS, STATE = (
    f"{name}{SUFFIX}"
    for name in ("database.sql", "roles.sql", "links.tar", "configuration.tar", "job_logs.tar", "state.tar")
)
PAUSES_S = (1, 5, 15)  # before each new attempt after a lost connection


class Parts:
    """The encrypted files of a backup, in the directory of one that has begun."""

    def __init__(self, draft: Path, key: BackupKey, shell: Shell) -> None:
        self._draft, self._key, self._shell = draft, key, shell
        self.written: dict[str, Part] = {}

    def keep(self, name: str, source: Readable) -> Gzipping:
        """Pack and encrypt a stream to its end into the file ``name``."""
        packed = Gzipping(source)
        with open(self._draft / name, "wb", opener=private) as file:
            hashed = Hashing(target=file)
            self._key.encrypt(as_file(packed), as_file(hashed))
            file.flush()
            os.fsync(file.fileno())
        self.written[name] = Part(bytes=hashed.size, sha256=hashed.digest, content=packed.size)
        return packed

    def take(self, name: str, command: str, program: bytes = b"") -> None:
        """Run a command on the host and keep its output as ``name``; raise HostError if it fails."""
        consume: Callable[[BinaryIO], object] = lambda output: self.keep(name, output)  # noqa: E731
        answer, _ = receive(self._shell, command, io.BytesIO(program), consume, LONGEST_S)
        need_success(answer, name.removesuffix(SUFFIX))

    def take_database(self, database: Connection) -> Content:
        """Keep a dump of the database, and return what it held; raise HostError if either is not whole."""

        def consume(output: BinaryIO) -> tuple[list[str], bytes]:
            head = []
            while (line := output.readline()) and line != BEGIN:
                head.append(line.decode("utf-8", "replace"))
            return head, self.keep(DATABASE, output).tail

        program = database.program(dump_program())
        answer, (head, tail) = receive(self._shell, database.command, io.BytesIO(program), consume, LONGEST_S)
        need_success(answer, "the dump of Harbor's database")
        if DUMP_END not in tail:
            printed = answer.stderr.decode("utf-8", "replace").strip()[-500:]
            raise HostError(
                f"the dump of Harbor's database is not whole: {printed or 'pg_dump printed no reason'}",
                ErrorKind.COMMAND,
            )
        return parse_content(head)


class BlobKeeper:
    """The store's blobs, filled with what arrives from the registry.

    Attributes:
        damaged: blobs whose content is not what their digest says, on the registry's host.
    """

    def __init__(self, store: Store, key: BackupKey, meter: TransferProgress) -> None:
        self._store, self._key, self._meter = store, key, meter
        self._arrived = 0
        self.damaged: set[str] = set()

    def take(self, archive_file: BinaryIO) -> None:
        """Keep all blobs of an archive, each at its place once it is whole and on the disk."""
        if not archive_file.peek(1):  # type: ignore[attr-defined]  # a BufferedReader
            return
        with tarfile.open(fileobj=archive_file, mode="r|") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                if content := archive.extractfile(member):
                    self._keep(member.name.split("/")[-2], content)

    def _keep(self, digest: str, content: Readable) -> None:
        path = self._store.blob(self._key.id, digest)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part, hashed = path.with_name(f"{digest}{UNFINISHED}"), Hashing(content)
        try:
            with open(part, "wb", opener=private) as file:
                self._key.encrypt(as_file(hashed), file)
                file.flush()
                os.fsync(file.fileno())
            if hashed.digest == digest:
                part.replace(path)
            else:
                self.damaged.add(digest)
        finally:
            part.unlink(missing_ok=True)
        self._arrived += hashed.size
        self._meter(self._arrived)

    def read(self, digest: str) -> bytes:
        """Return the content of a kept blob, which is small; empty if it cannot be opened."""
        content = io.BytesIO()
        try:
            with self._store.blob(self._key.id, digest).open("rb") as file:
                self._key.decrypt(file, content, digest)
        except (OSError, MoorError):
            return b""
        return content.getvalue()


def transfer_s(blobs: Blobs) -> float:
    """Return how long the transfer of some blobs may take."""
    return 600 + sum(blobs.values()) / SLOWEST + len(blobs)


def private(path: str, flags: int) -> int:
    """Open a file for its owner alone."""
    return os.open(path, flags, 0o600)


def need_success(answer: ScriptResult, doing: str) -> None:
    """Raise HostError if a command on the host failed."""
    if answer.code:
        printed = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise HostError(f"{doing}: exit {answer.code}: {printed or 'it printed nothing'}", ErrorKind.COMMAND)
