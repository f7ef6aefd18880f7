"""Settings of the section ``backup``: where backups are kept, for how long, and who can read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from pydantic import Field

from moor.context import site_of
from moor.errors import InputError
from moor.settings import SecretRef, Section, SitePath, settings_of

DIRECTORY = "backups"  # below the site, unless the inventory names another place
Number = Annotated[int, Field(ge=0)]
Recipient = Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")]


class BackupSettings(Section):
    """Where backups of the Harbor that moor runs go: docs/backup.md.

    Without this section they go to ``backups`` beside config.yaml.

    Attributes:
        directory: directory on this machine, perhaps one that is mounted from elsewhere; else ``backups`` in the site
        mounted: ``true``: write nothing there unless something is mounted at the directory
        key: an age identity (``AGE-SECRET-KEY-1...``) that opens the backups. Without it moor makes one in its state
        recipients: public keys (``age1...``) of others who can open them too
        keep: this many of the newest are kept
        keep_daily: and the newest one of each of this many days
        keep_weekly: and of this many weeks
        keep_monthly: and of this many months
    """

    section: ClassVar[str] = "backup"

    directory: SitePath | None = None
    mounted: bool = False
    key: SecretRef | None = None
    recipients: tuple[Recipient, ...] = ()
    keep: Annotated[int, Field(ge=1)] = 7
    keep_daily: Number = 0
    keep_weekly: Number = 0
    keep_monthly: Number = 0


def store_directory(host: Host) -> Path:
    """Return the directory of the backups."""
    return settings_of(host, BackupSettings).directory or site_of(host).directory / DIRECTORY


def refuse_unfit_directory(host: Host) -> None:
    """Raise InputError with all that is wrong with the directory of the backups."""
    if faults := list(_faults(store_directory(host), settings_of(host, BackupSettings).mounted)):
        raise InputError("\n".join(f"data.backup.directory: {fault}" for fault in faults))


def _faults(directory: Path, mounted: bool) -> Iterator[str]:
    if mounted and not os.path.ismount(directory):
        yield f"nothing is mounted at {directory}; mount it, or leave out mounted: true"
    existing = next((path for path in (directory, *directory.parents) if os.path.lexists(path)), directory)
    if not existing.is_dir():
        yield f"{existing} is no directory; move it away, or name another"
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield f"{existing} cannot be written by the user who runs moor; chown it, or name another"
