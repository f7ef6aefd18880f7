"""A backup of the Harbor that moor runs, taken while it serves.

The order makes it consistent: first the database, in one snapshot; then what the registry knows of repositories; then
the list of blobs, and the blobs themselves. Harbor writes them the other way round, and removes blobs only by garbage
collection. So what an earlier step names is there in a later one, unless garbage was collected meanwhile: whether
something is missing is checked in the end, and then all is done once more.
"""

from __future__ import annotations

import io
import shutil
import time
from datetime import UTC, datetime
from functools import partial

from nornir.core.task import Result, Task

from moor.context import new_run, site_of
from moor.engine.asking import shell_of
from moor.engine.results import ResourceResult
from moor.errors import ConnectionLost, ErrorKind, HostError
from moor.progress import LOGGER, MB, TransferProgress
from moor.settings import settings_of
from moor.tasks.backup import host_scripts as scripts
from moor.tasks.backup.database import Content
from moor.tasks.backup.encryption import BackupKey, key_of
from moor.tasks.backup.installation import Installation, need_installation
from moor.tasks.backup.manifests import missing_blobs
from moor.tasks.backup.parts import (
    CONFIGURATION,
    JOB_LOGS,
    LINKS,
    LONGEST_S,
    PAUSES_S,
    ROLES,
    STATE,
    BlobKeeper,
    Parts,
    need_success,
    transfer_s,
)
from moor.tasks.backup.record import Record, describe_counts
from moor.tasks.backup.retention import Keep
from moor.tasks.backup.settings import BackupSettings, refuse_unfit_directory, store_directory
from moor.tasks.backup.state import write_state
from moor.tasks.backup.store import Blobs, Store, parse_blobs
from moor.tasks.backup.streams import plain_disk_errors, produced, receive
from moor.tasks.facts import Registry
from moor.version import moor_version

ATTEMPTS = 2  # of database and blobs, where garbage was collected meanwhile
SPARE = 64 * MB  # bytes of the controller's disk that a backup leaves free
SHOWN = 3  # digests in a note


def back_up(task: Task) -> Record:
    """Make a whole backup of the Harbor on the task's host, remove what is kept no longer, and return its record.

    Only a backup that is whole counts; pushes and pulls go on meanwhile. An upgrade calls this first.

    Raises:
        InputError: the directory or the key of the backups is wrong, or another backup is at work there.
        HostError: the host, its connection, or the controller's disk failed.
    """
    refuse_unfit_directory(task.host)
    store = Store(store_directory(task.host))
    with plain_disk_errors(), store.locked():
        key = key_of(task.host, known_to_exist=bool(store.names()))
        record = _Backup(task, store, key).make()
        for name in store.forget(_rule(settings_of(task.host, BackupSettings))):
            LOGGER.info("%s", f"{task.host.name}: removed the backup {name}, which is kept no longer")
    return record


def _rule(settings: BackupSettings) -> Keep:
    return Keep(settings.keep, settings.keep_daily, settings.keep_weekly, settings.keep_monthly)


def back_up_harbor(task: Task) -> Result:
    """Make a backup of the Harbor that moor runs on this host."""
    if task.is_dry_run():
        found = ResourceResult(task.host, f"backup:{store_directory(task.host)}", "drift", "one more backup", "")
    else:
        record = back_up(task)
        found = ResourceResult(task.host, f"backup:{record.name}", "changed", describe(record), "")
    task.results.append(found)
    return Result(task.host, result=str(found.name), changed=True)


def describe(record: Record) -> str:
    """Return what a backup holds, in words."""
    images = f"{record.blobs} blobs, {record.blob_bytes / MB:.1f} MB, of these new: {record.new_bytes / MB:.1f} MB"
    lines = [describe_counts(record.counts), images if record.has_blobs else f"images stay in {record.storage}"]
    return "\n".join([*filter(None, lines), *(f"note: {note}" for note in record.notes)])


class _Backup:
    """One backup under way."""

    def __init__(self, task: Task, store: Store, key: BackupKey) -> None:
        self._task, self._store, self._key = task, store, key
        self._shell, self._host = shell_of(task), task.host.name
        self._name, self._started = new_run(), datetime.now(UTC)
        self._notes = list[str]()
        self._new_bytes = self._lacking = 0

    def make(self) -> Record:
        harbor = need_installation(self._task)
        if harbor.restoring:
            raise HostError(
                f"the restore of {harbor.restoring} has not come to its end; moor restore {harbor.restoring} goes on",
                ErrorKind.UNMET,
            )
        draft = self._store.begin(self._name)
        parts = Parts(draft, self._key, self._shell)
        content, blobs = self._registry(harbor, parts)
        self._say("configuration and keys")
        parts.take(CONFIGURATION, scripts.send_configuration(harbor))
        parts.take(JOB_LOGS, scripts.send_job_logs(harbor))
        state = site_of(self._task.host).state
        with produced(partial(write_state, state, self._store.directory)) as archive:
            parts.keep(STATE, archive)
        record = self._record(harbor, parts, content, blobs)
        self._store.finish(draft, record, blobs)
        return record

    def _registry(self, harbor: Installation, parts: Parts) -> tuple[Content, Blobs]:
        """Keep database and blobs; once more where blobs are missing, since garbage was collected meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            self._notes.clear()
            content = self._database(harbor, parts)
            if not harbor.has_files:
                self._notes.append(f"images are in an object storage and not in this backup: {harbor.storage}")
                return content, {}
            blobs, missing = self._images(harbor, parts, content)
            if not missing:
                break
            if attempt < ATTEMPTS:
                self._say(f"gone from the registry meanwhile: {_some(missing)}; beginning again")
            else:
                self._lacking = len(missing)
                self._notes.append(f"the registry itself lacks {_some(missing)}, and images that need them do not pull")
        return content, blobs

    def _database(self, harbor: Installation, parts: Parts) -> Content:
        self._say("database")
        try:
            content = parts.take_database(harbor.database)
        except HostError as error:
            if not harbor.database.is_external or isinstance(error, ConnectionLost):
                raise
            self._notes.append(f"the external database at {harbor.database.host} is not in this backup: {error}")
            return Content("", {}, frozenset())
        if not harbor.database.is_external:
            parts.take(ROLES, harbor.database.command, harbor.database.program("pg_dumpall --roles-only"))
        return content

    def _images(self, harbor: Installation, parts: Parts, content: Content) -> tuple[Blobs, set[str]]:
        """Keep links and blobs; return the blobs, and the digests that artifacts need and that are not there."""
        self._say("repositories")
        parts.take(LINKS, scripts.send_links(harbor))
        listing, text = receive(
            self._shell, scripts.list_blobs(harbor), io.BytesIO(), lambda out: out.read(), LONGEST_S
        )
        need_success(listing, "the list of blobs")
        blobs = parse_blobs(text.decode())
        keeper = self._blobs(harbor, blobs)
        gone = self._store.lacks(self._key.id, blobs)
        there = {digest: size for digest, size in blobs.items() if digest not in gone}
        if keeper.damaged:
            self._notes.append(f"damaged in the registry itself: {_some(keeper.damaged)}; images with them do not pull")
        return there, missing_blobs(content.artifacts, there, keeper.read) - keeper.damaged

    def _blobs(self, harbor: Installation, blobs: Blobs) -> BlobKeeper:
        """Keep the blobs that are not kept yet; after a lost connection, go on with those that are left."""
        wanted = self._store.lacks(self._key.id, blobs)
        total = sum(wanted.values())
        self._refuse_full_disk(total)
        self._say(f"{len(wanted)} of {len(blobs)} blobs, {total / MB:.1f} MB")
        for pause_s in (*PAUSES_S, 0):
            left = self._store.lacks(self._key.id, wanted)
            done = total - sum(left.values())
            meter = TransferProgress(f"{self._host}: receiving blobs", total, done)
            keeper = BlobKeeper(self._store, self._key, meter)
            try:
                self._take_blobs(harbor, keeper, left)
                break
            except ConnectionLost as error:
                if not pause_s:
                    raise
                self._say(f"{error}; trying again in {pause_s} s")
                time.sleep(pause_s)
        self._new_bytes += total - sum(self._store.lacks(self._key.id, wanted).values())
        return keeper

    def _take_blobs(self, harbor: Installation, keeper: BlobKeeper, wanted: Blobs) -> None:
        if not wanted:
            return
        paths = "".join(f"{scripts.blob_path(digest)}\n" for digest in wanted)
        command = scripts.send_blobs(harbor)
        answer, _ = receive(self._shell, command, io.BytesIO(paths.encode()), keeper.take, transfer_s(wanted))
        if answer.code not in (0, 1, 2) or (answer.code == 2 and b"No such file" not in answer.stderr):
            need_success(answer, "the blobs")

    def _refuse_full_disk(self, needed: int) -> None:
        free = shutil.disk_usage(self._store.directory).free
        if needed + SPARE > free:
            raise HostError(
                f"{needed / MB:.0f} MB of blobs are to be kept in {self._store.directory}, and {free / MB:.0f} MB are "
                "free; make room on this machine, or name another data.backup.directory",
                ErrorKind.CONTROLLER,
            )

    def _record(self, harbor: Installation, parts: Parts, content: Content, blobs: Blobs) -> Record:
        return Record(
            name=self._name,
            moor=moor_version(),
            host=self._host,
            registry=settings_of(self._task.host, Registry).name,
            key=self._key.id,
            recipients=self._key.recipients,
            started=self._started,
            ended=datetime.now(UTC),
            release=harbor.release,
            directory=harbor.directory,
            volume=harbor.volume,
            postgresql=content.postgresql,
            counts=content.counts,
            database=harbor.database.host or "harbor",
            has_database=bool(content.postgresql),
            storage=harbor.storage,
            has_blobs=harbor.has_files,
            blobs=len(blobs),
            blob_bytes=sum(blobs.values()),
            new_bytes=self._new_bytes,
            lacking=self._lacking,
            parts=parts.written,
            notes=tuple(filter(None, (self._key.warning, *self._notes))),
        )

    def _say(self, words: str) -> None:
        LOGGER.info("%s", f"{self._host}: {words}")


def _some(digests: set[str]) -> str:
    shown = ", ".join(f"sha256:{digest[:12]}" for digest in sorted(digests)[:SHOWN])
    blobs = "1 blob" if len(digests) == 1 else f"{len(digests)} blobs"
    return f"{blobs} ({shown}{', ...' if len(digests) > SHOWN else ''})"
