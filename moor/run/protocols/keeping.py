"""What the commands that keep a registry alive need of their runbooks: backups, failover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


@dataclass(frozen=True)
class BackupRow:
    """One backup in a list.

    Attributes:
        state: ``whole``, ``incomplete`` or ``damaged``
        bytes: of its own files; ``blob_bytes`` are of all its blobs, ``new_bytes`` of those that no earlier one had
    """

    name: str
    state: str
    started: str = ""
    took_s: float = 0
    host: str = ""
    release: str = ""
    counts: Mapping[str, int] | None = None
    blobs: int = 0
    blob_bytes: int = 0
    new_bytes: int = 0
    bytes: int = 0
    notes: Sequence[str] = ()


@runtime_checkable
class Backups(Protocol):
    """What ``moor backup`` and ``moor restore`` need of their runbooks beside the stages."""

    def rows(self, host: Host) -> Sequence[BackupRow]:
        """List the backups, the oldest first; only the controller is read."""

    def directory(self, host: Host) -> Path:
        """Return where the backups are."""

    def prepare(self, nr: Nornir, host: Host, name: str, over: bool) -> None:
        """Have the stages work on a backup.

        Args:
            nr: the open site.
            host: the registry's host.
            name: of the backup, or its start; empty for the newest, or for a new one.
            over: what the registry holds now may be lost.

        Raises:
            InputError: everything that can be seen to be wrong from here.
        """


def backups_of(runbook: Runbook) -> Backups:
    """Return the runbook's Backups; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Backups):
        return runbook.command
    raise lacking(runbook, "Backups")


@runtime_checkable
class Failover(Protocol):
    """What ``moor failover`` needs of its runbook beside the stages."""

    def trouble_of(self, host: Host) -> str:
        """Return why the registry on a host does not answer; empty if it does."""

    def end(self, host: Host) -> None:
        """Note that the failover to a host has ended, so that no next run goes on with it."""


def failover_of(runbook: Runbook) -> Failover:
    """Return the runbook's Failover; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Failover):
        return runbook.command
    raise lacking(runbook, "Failover")
