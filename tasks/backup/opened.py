"""A whole backup that is read: its parts and blobs, decrypted on the way to a host."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.context import context_of
from moor.errors import ErrorKind, HostError, InputError, MoorError
from moor.tasks.backup.encryption import BackupKey, key_of
from moor.tasks.backup.host_scripts import blob_path
from moor.tasks.backup.parts import LONGEST_S, need_success
from moor.tasks.backup.record import Record
from moor.tasks.backup.settings import store_directory
from moor.tasks.backup.store import Blobs, Store
from moor.tasks.backup.streams import Gunzipping, Hashing, as_file, plain_disk_errors, produced


@dataclass(frozen=True)
class OpenedBackup:
    """A whole backup, and the key that opens it."""

    store: Store
    record: Record
    key: BackupKey

    @cached_property
    def blobs(self) -> Blobs:
        """Return the sizes of its blobs by digest."""
        return self.store.blobs_of(self.record.name)

    def write_part(self, name: str, target: BinaryIO) -> None:
        """Write the content of a part."""
        path = self.store.path(self.record.name) / name
        with path.open("rb") as file:
            self.key.decrypt(file, as_file(Gunzipping(target)), str(path))

    def write_blob(self, digest: str, target: BinaryIO | None) -> None:
        """Write the content of a blob, or only verify it.

        Raises:
            HostError: it is not what its digest says; what was written is of no use.
        """
        path, hashed = self.store.blob(self.record.key, digest), Hashing(target=target)
        with plain_disk_errors(), path.open("rb") as file:
            self.key.decrypt(file, as_file(hashed), str(path))
        if hashed.digest != digest or hashed.size != self.blobs.get(digest, hashed.size):
            raise HostError(f"{path}: its content is not the one of its digest; it is damaged", ErrorKind.CONTROLLER)

    def read_blob(self, digest: str) -> bytes:
        """Return the content of a small blob; empty if it is damaged."""
        content = io.BytesIO()
        try:
            self.write_blob(digest, content)
        except MoorError:
            return b""
        return content.getvalue()

    def write_blobs(self, digests: Iterable[str], target: BinaryIO) -> None:
        """Write an archive of blobs, as the registry keeps them."""
        for digest in digests:
            member = tarfile.TarInfo(blob_path(digest))
            member.size, member.mode = self.blobs[digest], 0o644
            target.write(member.tobuf(tarfile.GNU_FORMAT))
            self.write_blob(digest, target)
            target.write(bytes(-member.size % tarfile.BLOCKSIZE))
        target.write(bytes(2 * tarfile.BLOCKSIZE))

    def send_part(self, shell: Shell, name: str, command: str, program: bytes = b"") -> None:
        """Run a command on a host with ``program`` and then a part as its input; raise HostError if it fails."""

        def produce(target: BinaryIO) -> None:
            target.write(program)
            self.write_part(name, target)

        with produced(produce) as source:
            need_success(shell.stream(command, source, LONGEST_S), name)


def opened_backup(task: Task) -> OpenedBackup:
    """Return the backup that the run's order names; raise InputError without an order."""
    order = context_of(task).backup
    if order is None:
        raise InputError("no backup is named; use moor restore or moor backup check")
    store = Store(store_directory(task.host))
    return OpenedBackup(store, store.record(order.name), key_of(task.host, known_to_exist=True))
