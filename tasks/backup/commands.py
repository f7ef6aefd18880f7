"""What the commands of backups need beside the stages of their runbooks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import BackupOrder, change_context, site_of
from moor.errors import HostError, InputError
from moor.run.protocols.keeping import BackupRow
from moor.tasks.backup.encryption import BackupKey, key_of, refuse_unfit_key
from moor.tasks.backup.record import Record
from moor.tasks.backup.settings import refuse_unfit_directory, store_directory
from moor.tasks.backup.store import Store


class _Listing:
    """The list of a site's backups."""

    def directory(self, host: Host) -> Path:
        """Return where the backups are."""
        return store_directory(host)

    def rows(self, host: Host) -> list[BackupRow]:
        """List the backups, the oldest first, with those that came to no end."""
        store = Store(store_directory(host))
        whole = [_row(store, name) for name in store.names()]
        return sorted([*whole, *(BackupRow(name, "incomplete") for name in store.partial())], key=lambda row: row.name)


def _row(store: Store, name: str) -> BackupRow:
    try:
        record = store.record(name)
    except HostError as error:
        return BackupRow(name, "damaged", notes=(str(error),))
    return BackupRow(
        name=name,
        state="whole",
        started=record.started.isoformat(timespec="seconds"),
        took_s=round((record.ended - record.started).total_seconds(), 1),
        host=record.host,
        release=record.release,
        counts=record.counts,
        blobs=record.blobs,
        blob_bytes=record.blob_bytes,
        new_bytes=record.new_bytes,
        bytes=record.stored_bytes,
        notes=record.notes,
    )


class NewBackup(_Listing):
    """What ``moor backup`` needs."""

    def prepare(self, nr: Nornir, host: Host, name: str, over: bool) -> None:
        """Check directory and key; raise InputError with all that is wrong."""
        has_backups, wrong = bool(Store(store_directory(host)).names()), list[str]()
        for check in (partial(refuse_unfit_directory, host), partial(refuse_unfit_key, host, has_backups)):
            try:
                check()
            except InputError as error:
                wrong.append(str(error))
        if wrong:
            raise InputError("\n".join(wrong))


class ChosenBackup(_Listing):
    """What ``moor backup check`` needs."""

    def prepare(self, nr: Nornir, host: Host, name: str, over: bool) -> None:
        """Choose a backup, and check that all of its files are there; raise InputError with all that is wrong."""
        self._chosen(nr, host, name, over)

    def _chosen(self, nr: Nornir, host: Host, name: str, over: bool) -> tuple[Record, BackupKey]:
        store = Store(store_directory(host))
        full = store.named(name) if name else store.newest()
        if faults := store.faults(full):
            raise InputError("\n".join(faults))
        change_context(nr, backup=BackupOrder(full, over))
        try:
            return store.record(full), key_of(host, known_to_exist=True)
        except HostError as error:
            raise InputError(str(error)) from None


class RestoredBackup(ChosenBackup):
    """What ``moor restore`` needs."""

    def prepare(self, nr: Nornir, host: Host, name: str, over: bool) -> None:
        """Choose a backup, and put back what the site's state lacks, before anything is made anew in its place."""
        from moor.tasks.backup.restore import put_state_back, refuse_unfit_backup

        record, key = self._chosen(nr, host, name, over)
        refuse_unfit_backup(host, record)
        if not nr.data.dry_run:
            put_state_back(Store(store_directory(host)), record.name, key, site_of(host).state)
