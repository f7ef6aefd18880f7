"""Keys and whole backups for tests."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

from moor.connections.local import LocalShell
from moor.tasks.backup.encryption import BackupKey
from moor.tasks.backup.parts import DATABASE, Parts
from moor.tasks.backup.record import Record
from moor.tasks.backup.store import Blobs, Store


def new_key() -> BackupKey:
    from pyrage import x25519

    identity = x25519.Identity.generate()
    return BackupKey(identity, (str(identity.to_public()),))


def keep_blob(store: Store, key: BackupKey, content: bytes) -> Blobs:
    """Put a blob into a store, and return its digest and size."""
    digest = hashlib.sha256(content).hexdigest()
    path = store.blob(key.id, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        key.encrypt(io.BytesIO(content), file)
    return {digest: len(content)}


def record_of(name: str, key: BackupKey, blobs: Blobs, parts: Parts) -> Record:
    moment = datetime(2026, 11, 28, tzinfo=UTC)
    return Record(
        name=name, moor="0", host="harbor1", registry="registry.moor.test", key=key.id, recipients=key.recipients,
        started=moment, ended=moment, release="v2.8.3", directory="/opt/harbor", volume="/data", postgresql="17",
        counts={"projects": 1}, database="harbor", has_database=True, storage="filesystem", has_blobs=True,
        blobs=len(blobs), blob_bytes=sum(blobs.values()), new_bytes=0, lacking=0, parts=parts.written,
    )  # fmt: skip


def whole_backup(store: Store, key: BackupKey, name: str, contents: list[bytes]) -> Path:
    """Make a whole backup with some blobs, and return its directory."""
    blobs = {digest: size for content in contents for digest, size in keep_blob(store, key, content).items()}
    draft = store.begin(name)
    parts = Parts(draft, key, LocalShell())
    parts.keep(DATABASE, io.BytesIO(b"-- a dump"))
    store.finish(draft, record_of(name, key, blobs, parts), blobs)
    return store.path(name)
