"""Rows of the history database as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from moor.engine.findings import FindingState


@dataclass(frozen=True)
class RunRow:
    """One run.

    Attributes:
        findings: how many were open at its end, without waived ones
        not_examined: how many hosts were not examined, or not completely
        counts: resources by status, over all hosts
        whole: the run covered every host of the inventory
        registry: the name of the fleet's registry, several with commas; None in rows that are older than version 5
        ticket: the word of ``--ticket``; None in rows that are older than version 6
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
    registry: str | None = None
    ticket: str | None = None


@dataclass(frozen=True)
class HostRow:
    """The result of one run on one host.

    Attributes:
        counts: its resources by status
        proofs: the status of each proof of a verify; None for other commands, and once a newer verify is recorded
    """

    run: str
    host: str
    reached: bool
    error: str
    counts: dict[str, int] = field(default_factory=dict)
    error_kind: str | None = None
    proofs: dict[str, str] | None = None


@dataclass(frozen=True)
class ChangeRow:
    """One resource of a run whose status was not ``ok``; secrets in the diff are masked.

    Attributes:
        error: why it failed; of what is held, who holds it, why and until when
        causes: why it failed, each with its ``rule``, ``cause`` and ``mend``; None if no cause is known
    """

    run: str
    host: str
    id: str
    status: str
    diff: str
    error: str
    error_kind: str | None = None
    causes: list[dict[str, str]] | None = None


@dataclass(frozen=True)
class FindingRow:
    """One finding over time.

    Attributes:
        host: empty for the whole fleet
        cleared: when a run saw that it is over; None while it is open
    """

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
    """One expiry, as the last drift check saw it."""

    id: str
    host: str
    what: str
    remedy: str
    expires: datetime


@dataclass(frozen=True)
class MeasurementRow:
    """What one drift check measured."""

    host: str
    id: str
    taken: datetime
    amount: float


@dataclass(frozen=True)
class RecordingResult:
    """How findings changed by the recording of a run.

    Attributes:
        new: findings that were not open before
        cleared: findings that this run saw to be over
        open: all open findings, including the new ones
        trouble: why the run could not be recorded; empty where it was
    """

    new: tuple[FindingRow, ...] = ()
    cleared: tuple[FindingRow, ...] = ()
    open: tuple[FindingRow, ...] = ()
    trouble: str = ""
