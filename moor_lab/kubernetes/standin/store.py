"""The store of objects, in memory and in one SQLite file, so that a restart loses nothing, nor the end of its host.

Writes are not flushed to the disk one by one, which would be most of what a test with many objects costs: the lab's
hosts end without their machine, whose kernel has what was written.

Objects that go in or come out are never changed in place: whoever wants another object writes another object.
"""

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import already_exists, conflict, expired, not_found
from .kinds import KINDS, Kind
from .objects import Object, name_of, namespace_of

HISTORY = 4096
"""Number of past changes from which a watch can start."""

TABLE = """CREATE TABLE IF NOT EXISTS objects
    (resource, namespace, name, object, PRIMARY KEY (resource, namespace, name))"""


class Key(NamedTuple):
    """The key of an object in the store."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Change:
    """One write; ``old`` is None for a creation, ``new`` for a removal; ``last`` is the object at its removal."""

    version: int
    resource: str
    old: Object | None
    new: Object | None
    last: Object


def key_of(kind: Kind, obj: Object) -> Key:
    """Return the key of an object."""
    return Key(kind.resource, namespace_of(obj), name_of(obj))


class Store:
    """All objects of the cluster, their versions, and recent changes."""

    def __init__(self, path: Path) -> None:
        self._disk = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._disk.execute("PRAGMA journal_mode=WAL")
        self._disk.execute("PRAGMA synchronous=OFF")
        self._disk.execute(TABLE)
        self._disk.execute("CREATE TABLE IF NOT EXISTS version (version INTEGER)")
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._objects: dict[str, dict[Key, Object]] = {kind.resource: {} for kind in KINDS}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._load()

    def _load(self) -> None:
        for resource, namespace, name, text in self._disk.execute("SELECT * FROM objects"):
            self._objects[resource][Key(resource, namespace, name)] = json.loads(text)
        row = self._disk.execute("SELECT version FROM version").fetchone()
        self.version: int = row[0] if row else 0
        self._oldest = self.version
        if not row:
            self._disk.execute("INSERT INTO version VALUES (0)")

    @property
    def lock(self) -> threading.RLock:
        """Return the lock to hold over a read and the write that depends on it."""
        return self._lock

    def close(self) -> None:
        """Close the file."""
        self._disk.close()

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Return the object, or None."""
        with self._lock:
            return self._objects[kind.resource].get(Key(kind.resource, namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return the object. Raises ApiError: 404."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def select(self, kind: Kind, namespace: str = "") -> tuple[list[Object], int]:
        """Return the objects of a kind, in one namespace or all, sorted by name, and the version of the list."""
        with self._lock:
            found = self._objects[kind.resource]
            keys = sorted(key for key in found if namespace in ("", key.namespace))
            return [found[key] for key in keys], self.version

    def select_at(self, kind: Kind, namespace: str, version: int) -> list[Object]:
        """Return the objects of a kind as they were at a version. Raises ApiError: 410, it is forgotten."""
        with self._lock:
            self.check(version)
            found = dict(self._objects[kind.resource])
            for change in reversed(self._history):
                if change.version <= version:
                    break
                key = Key(change.resource, namespace_of(change.last), name_of(change.last))
                if change.resource != kind.resource:
                    continue
                if change.old is None:
                    del found[key]
                else:
                    found[key] = change.old
            return [found[key] for key in sorted(found) if namespace in ("", key.namespace)]

    def snapshot(self) -> dict[Kind, list[Object]]:
        """Return a consistent snapshot of all objects."""
        with self._lock:
            return {kind: self.select(kind)[0] for kind in KINDS}

    def create(self, kind: Kind, obj: Object) -> Object:
        """Add an object. Raises ApiError: 409."""
        with self._lock:
            if key_of(kind, obj) in self._objects[kind.resource]:
                raise already_exists(kind, name_of(obj))
            return self._write(kind, None, obj)

    def replace(self, kind: Kind, obj: Object) -> Object:
        """Replace an object. Raises ApiError: 404; 409, another version is stored."""
        with self._lock:
            old = self.get(kind, namespace_of(obj), name_of(obj))
            if obj["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
                raise conflict(kind, name_of(obj))
            return old if obj == old else self._write(kind, old, obj)

    def remove(self, kind: Kind, namespace: str, name: str) -> Object:
        """Remove an object and return its last state. Raises ApiError: 404."""
        with self._lock:
            old = self.get(kind, namespace, name)
            self._commit(kind, Key(kind.resource, namespace, name), None)
            last = old | {"metadata": old["metadata"] | {"resourceVersion": str(self.version)}}
            self._record(Change(self.version, kind.resource, old, None, last))
            return old

    def _write(self, kind: Kind, old: Object | None, obj: Object) -> Object:
        new = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version + 1)}}
        self._commit(kind, key_of(kind, new), new)
        self._record(Change(self.version, kind.resource, old, new, new))
        return new

    def _commit(self, kind: Kind, key: Key, obj: Object | None) -> None:
        """Write object and version to the file in one transaction, then to memory."""
        self._disk.execute("BEGIN")
        if obj is None:
            self._disk.execute("DELETE FROM objects WHERE resource=? AND namespace=? AND name=?", key)
        else:
            self._disk.execute("REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, json.dumps(obj)))
        self._disk.execute("UPDATE version SET version=?", (self.version + 1,))
        self._disk.execute("COMMIT")
        self.version += 1
        if obj is None:
            del self._objects[kind.resource][key]
        else:
            self._objects[kind.resource][key] = obj

    def _record(self, change: Change) -> None:
        if len(self._history) == HISTORY:
            self._oldest = self._history[0].version
        self._history.append(change)
        self._changed.notify_all()

    def wait(self, version: int, timeout_s: float) -> bool:
        """Wait for a change after ``version``; return whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: self.version > version, timeout_s)

    def changes(self, version: int) -> Iterator[Change]:
        """Yield the changes after ``version``. Raises ApiError: 410, the history does not reach back that far."""
        with self._lock:
            self.check(version)
            newer = [change for change in self._history if change.version > version]
        yield from newer

    def check(self, version: int) -> None:
        """Check that a watch can start at ``version``. Raises ApiError: 410."""
        if version < self._oldest:
            raise expired(version, self._oldest)
