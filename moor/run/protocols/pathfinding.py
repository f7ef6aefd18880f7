"""What ``moor path`` needs of its runbook."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from nornir.core import Nornir

from moor.path.answer import PathAnswer
from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


@runtime_checkable
class Pathfinder(Protocol):
    """What ``moor path`` needs of its runbook beside the stages."""

    def found(self, nr: Nornir, names: Collection[str]) -> PathAnswer:
        """Return the ways of some hosts of a whole fleet to the registry; raise MoorError if there is none."""


def pathfinder_of(runbook: Runbook) -> Pathfinder:
    """Return what a runbook brings for ``moor path``; raise InputError if it brings nothing."""
    if isinstance(runbook.command, Pathfinder):
        return runbook.command
    raise lacking(runbook, "PathFinding()")
