"""A restore: what a backup holds of the registry, put back on its host.

Blobs and links come first, which add to what is there; the database is loaded beside the present one. Then one script
on the host, which runs to its end even if the connection breaks, stops Harbor, and puts keys, settings and database in
place. Until then the registry is what it was, and whatever ends the restore, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.ssh.shell import Shell
from moor.context import context_of
from moor.engine.asking import shell_of
from moor.engine.converge import converge
from moor.engine.locking import run_under_lock
from moor.engine.observation import discard_observation
from moor.engine.results import ResourceResult
from moor.engine.script import new_mark, require_all, split_answers
from moor.errors import ErrorKind, HostError, InputError
from moor.progress import LOGGER, MB, TransferProgress
from moor.settings import settings_of
from moor.tasks.backup import host_scripts as scripts
from moor.tasks.backup.database import Content, swap_program
from moor.tasks.backup.encryption import BackupKey
from moor.tasks.backup.installation import Installation, installation_of, minor_of, need_installation
from moor.tasks.backup.make import describe
from moor.tasks.backup.opened import OpenedBackup, opened_backup
from moor.tasks.backup.parts import CONFIGURATION, JOB_LOGS, LINKS, ROLES, STATE, need_success, transfer_s
from moor.tasks.backup.record import Record, describe_counts
from moor.tasks.backup.rehearse import count, load_and_count
from moor.tasks.backup.state import put_missing_back
from moor.tasks.backup.store import Blobs, Store, parse_blobs
from moor.tasks.backup.streams import plain_disk_errors, produced
from moor.tasks.harbor.install import desired as harbor_desired
from moor.tasks.harbor.settings import HarborSettings

BATCH_BYTES, BATCH_BLOBS = 1_000_000_000, 2000  # sent at once, then put in place together
SWAP_S = 900
# A new Harbor has the project library and the administrator; what has more holds something.
EMPTY = {"projects": 1, "repositories": 0, "artifacts": 0, "robots": 0, "users": 1}


def refuse_unfit_backup(host: Host, record: Record) -> None:
    """Raise InputError if the release that the inventory names cannot run the backup's database."""
    installer = settings_of(host, HarborSettings).package.name
    ours, theirs = minor_of(installer), minor_of(record.release)
    if ours and theirs and ours != theirs:
        raise InputError(
            f"data.harbor.installer: {installer} cannot run the database of a backup of Harbor {record.release}; name "
            f"the installer of {theirs[0]}.{theirs[1]}, restore, then upgrade"
        )


def put_state_back(store: Store, name: str, key: BackupKey, state: Path) -> None:
    """Write the files that the site's state lacks, so that no certificate or password is made anew in their place."""
    backup = OpenedBackup(store, store.record(name), key)
    with plain_disk_errors(), produced(partial(backup.write_part, STATE)) as archive:
        written = put_missing_back(archive, state)
    if written:
        LOGGER.info("%s", f"put back what {state} lacked: {', '.join(sorted(written))}")


def refuse_filled_registry(task: Task) -> Result:
    """Refuse to restore over a registry that holds something, unless the user allows that."""
    backup, harbor = opened_backup(task), installation_of(task)
    order = context_of(task).backup
    if harbor is None or harbor.restoring or (order and order.over):
        return Result(task.host, result="nothing is in the way")
    try:
        held = count(shell_of(task), harbor.database, harbor.database.name)
    except HostError as error:
        raise HostError(
            f"it is not known what the registry holds, since its database does not answer: {error}\n"
            "start it by moor apply harbor, or restore with --over, and lose what it holds",
            ErrorKind.CONFLICT,
        ) from error
    if any(held.counts.get(name, 0) > number for name, number in EMPTY.items()):
        raise HostError(
            f"the registry holds {describe_counts(held.counts)}; moor restore --over {backup.record.name} replaces "
            "them by what the backup holds, and what is newer is lost",
            ErrorKind.CONFLICT,
        )
    return Result(task.host, result="the registry is empty")


def restore_harbor(task: Task) -> Result:
    """Put back images, database, keys and settings from a backup."""
    backup = opened_backup(task)
    name = f"restored:{backup.record.name}"
    words = f"of {backup.record.started:%Y-%m-%d %H:%M} UTC: {describe(backup.record)}"
    if not task.is_dry_run():
        with plain_disk_errors(), backup.store.locked():
            _Restore(task, backup, need_installation(task)).put_back()
    task.results.append(ResourceResult(task.host, name, "drift" if task.is_dry_run() else "changed", words, ""))
    return Result(task.host, result=name, changed=True)


class _Restore:
    """One restore under way."""

    def __init__(self, task: Task, backup: OpenedBackup, harbor: Installation) -> None:
        self._task, self._backup, self._harbor = task, backup, harbor
        self._shell: Shell = shell_of(task)
        self._is_same_place = backup.record.volume == harbor.volume and backup.record.storage == harbor.storage

    def put_back(self) -> None:
        self._run(scripts.begin_restore(self._harbor, self._backup.record.name), "the note of the restore")
        if self._backup.record.has_blobs:
            self._images()
        self._say("configuration and keys")
        for part in (CONFIGURATION, JOB_LOGS):
            self._backup.send_part(self._shell, part, scripts.take_beside(self._harbor))
        if self._backup.record.has_database:
            self._say("database")
            load_and_count(self._shell, self._harbor.database, self._backup)
        if ROLES in self._backup.record.parts:
            self._backup.send_part(self._shell, ROLES, scripts.take_roles(self._harbor))
        self._swap()

    def _images(self) -> None:
        blobs = self._lacking()
        self._refuse_full_disk(sum(blobs.values()))
        self._say(f"{len(blobs)} of {len(self._backup.blobs)} blobs, {sum(blobs.values()) / MB:.1f} MB")
        meter, sent = TransferProgress(f"{self._task.host.name}: sending blobs", sum(blobs.values())), 0
        for batch in batches(blobs):
            command = scripts.take_blobs(self._harbor)
            with produced(partial(self._backup.write_blobs, batch)) as archive:
                need_success(self._shell.stream(command, archive, transfer_s(batch)), "the blobs")
            self._run(scripts.place_blobs(self._harbor), "the blobs")
            sent += sum(batch.values())
            meter(sent)
        self._backup.send_part(self._shell, LINKS, scripts.take_links(self._harbor))

    def _lacking(self) -> Blobs:
        answer = self._shell.run(scripts.list_blobs(self._harbor), 600)
        need_success(answer, "the list of blobs")
        there = parse_blobs(answer.stdout.decode())
        return {digest: size for digest, size in self._backup.blobs.items() if there.get(digest) != size}

    def _refuse_full_disk(self, needed: int) -> None:
        answer = self._shell.run(scripts.free_bytes(self._harbor.images), 60)
        kib = answer.stdout.decode().strip()
        if kib.isdigit() and needed > int(kib) * 1024:
            raise HostError(
                f"{needed / MB:.0f} MB of blobs are to be put back and {int(kib) * 1024 / MB:.0f} MB are free in "
                f"{self._harbor.volume}; make room there, then run the same command again",
                ErrorKind.SPACE,
            )

    def _swap(self) -> None:
        """Stop Harbor, put keys, settings and database in place, and let go; the next stage starts it again."""
        self._say("Harbor stops, and what was sent takes its place")
        swap = self._harbor.database.program(swap_program()).decode() if self._backup.record.has_database else ""
        fragment = scripts.put_in_place(self._harbor, self._backup.record, self._is_same_place, swap)
        mark = new_mark()
        answer = run_under_lock(self._shell, [fragment], mark, context_of(self._task).run, SWAP_S)
        (done,) = require_all(split_answers(answer.stdout, answer.stderr, mark), 1, answer.stderr)
        if done.code:
            words = done.stderr.strip()[-2000:]
            raise HostError(f"putting in place what was sent: exit {done.code}: {words}; run the same command again")
        discard_observation(self._task.host)

    def _run(self, script: str, doing: str) -> None:
        need_success(self._shell.run(script, 600), doing)

    def _say(self, words: str) -> None:
        LOGGER.info("%s", f"{self._task.host.name}: {words}")


def batches(blobs: Blobs) -> Iterator[Blobs]:
    """Split blobs into batches that are sent at once, of bounded number and size; one large blob is one batch."""
    batch: Blobs = {}
    for digest, size in blobs.items():
        if batch and (len(batch) == BATCH_BLOBS or sum(batch.values()) + size > BATCH_BYTES):
            yield batch
            batch = {}
        batch[digest] = size
    if batch:
        yield batch


def settle_harbor(task: Task) -> Result:
    """Bring the restored Harbor to what the inventory says, and start it."""
    if task.is_dry_run():
        return Result(task.host, result="as install_harbor")  # which has planned the same
    return converge(task, harbor_desired)


def prove_restore(task: Task) -> Result:
    """Compare what the restored database holds with what the backup was made of."""
    backup = opened_backup(task)
    if task.is_dry_run() or not backup.record.has_database:
        return Result(task.host, result="nothing to compare")
    harbor = need_installation(task)
    held: Content = count(shell_of(task), harbor.database, harbor.database.name)
    expected = backup.record.counts
    error = ""
    if {name: held.counts.get(name) for name in expected} != expected:
        error = f"the registry holds {describe_counts(held.counts)}; the backup was made of {describe_counts(expected)}"
    task.results.append(ResourceResult(task.host, "counts:registry", "failed" if error else "ok", "", error))
    if error:
        raise HostError(error, ErrorKind.UNMET)
    return Result(task.host, result=describe_counts(held.counts))
