"""What history answers, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moor.engine.findings import FindingState


@dataclass(frozen=True)
class RunRow:
    """One run; ``counts`` are resources by status over all hosts.

    Attributes:
        findings: open at its end, waived ones left out
        not_examined: hosts of which something is not known
        whole: it was for every host of the inventory
    """

    run: str
    command: str
    runbook: str
    started: datetime
    duration_s: float
    hosts: int
    not_examined: int
    findings: int
    counts: dict[str, int] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class HostRow:
    """What one run found on one host; ``counts`` are its resources by status; ``error_kind`` may be None."""

    run: str
    host: str
    reached: bool
    error: str
    counts: dict[str, int] = field(default_factory=dict)
    error_kind: str | None = None


@dataclass(frozen=True)
class ChangeRow:
    """One resource of a run that was not ``ok``; the diff is masked."""

    run: str
    host: str
    id: str
    status: str
    diff: str
    error: str
    error_kind: str | None = None


@dataclass(frozen=True)
class FindingRow:
    """One finding over time; ``cleared`` is None while it is open. ``host`` is empty for the whole fleet."""

    host: str
    id: str
    state: FindingState
    what: str
    remedy: str
    waived: str
    first_seen: datetime
    last_seen: datetime
    cleared: datetime | None = None
    error_kind: str | None = None


@dataclass(frozen=True)
class ExpiryRow:
    """What ends by itself, as the last drift check saw it."""

    id: str
    host: str
    what: str
    remedy: str
    expires: datetime


@dataclass(frozen=True)
class Recorded:
    """What recording a run has shown.

    Attributes:
        new: findings that were not open before, ``cleared`` those that this run has found mended
        open: all that is open now, new ones among them
        trouble: why the run could not be recorded; empty where it was
    """

    new: tuple[FindingRow, ...] = ()
    cleared: tuple[FindingRow, ...] = ()
    open: tuple[FindingRow, ...] = ()
    trouble: str = ""
