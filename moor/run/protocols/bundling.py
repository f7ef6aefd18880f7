"""What ``moor bundle`` needs of its runbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from nornir.core import Nornir

from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


@dataclass(frozen=True)
class BundleRow:
    """One kind of parts of a bundle.

    Attributes:
        parts: how many files, of ``bytes`` together.
        elsewhere: how many more are in the bundle that this one was made since.
        names: what they are.
    """

    kind: str
    parts: int
    bytes: int
    elsewhere: int
    names: Sequence[str]


@dataclass(frozen=True)
class BundleView:
    """A bundle as its commands show it.

    Attributes:
        lacking: a line for each thing that hosts would miss.
        since: the id of the bundle that it was made since; empty for a whole one.
        document: its manifest, as JSON.
    """

    path: Path
    rows: Sequence[BundleRow]
    lacking: Sequence[str]
    created: str
    moor: str
    since: str
    document: str


@runtime_checkable
class Bundles(Protocol):
    """What ``moor bundle`` needs of its runbook."""

    def create(self, nr: Nornir, target: Path | None, since: Path | None, without: Sequence[str]) -> BundleView:
        """Make a bundle, or go on with one that was cut short.

        Args:
            nr: the open site.
            target: a file or a directory; by default the one of the inventory.
            since: an older bundle, whose parts are left out.
            without: kinds of parts that are left out.

        Raises:
            MoorError: something cannot be had; what was collected stays.
        """

    def check(self, nr: Nornir, files: Sequence[Path]) -> BundleView:
        """Verify every byte of a bundle, and compare it with what the inventory needs; raise InputError if altered."""

    def show(self, nr: Nornir, file: Path | None) -> BundleView:
        """Read the manifest of a bundle, and its signature if the inventory has a key; parts are not read."""


def bundles_of(runbook: Runbook) -> Bundles:
    """Return the runbook's Bundles; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, Bundles):
        return runbook.command
    raise lacking(runbook, "Bundles")
