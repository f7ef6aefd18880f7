"""The content of the page as values, made from history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moor.history.model import RunRow
from moor.history.reading import History
from moor.output.pages.chart import Chart, chart
from moor.output.pages.devices import DevicesView, read_devices
from moor.output.pages.expiries import ExpiryBar, expiry_bars
from moor.output.pages.findings import Subject, subjects_of
from moor.output.pages.hosts import Tile, tiles_of, tiles_without_findings
from moor.output.pages.proofs import ProofTable, last_proofs
from moor.output.pages.runs import ChangeGroup, RunView, change_groups, read_runs

SUBJECTS = 300  # findings that are shown; the rest is counted
DRIFT = "drift"


@dataclass(frozen=True)
class FleetView:
    """The content of the whole page.

    Attributes:
        registry: the names of the registries, as the newest run knew them; empty if no run did
        last: the last drift check, or the last run if there was none
        checked: whether there was a drift check, so that the absence of findings means something
        held: what the last check left alone since somebody holds it
        rest: how many ids of findings are not shown
        findings: how many findings are open, counted per host as ``moor drift`` counts
    """

    now: datetime
    registry: str
    last: RunRow | None
    checked: bool
    tiles: Sequence[Tile]
    counts: Mapping[str, int]
    subjects: Sequence[Subject]
    waived: Sequence[Subject]
    held: Sequence[ChangeGroup]
    rest: int
    findings: int
    proofs: ProofTable | None
    devices: DevicesView
    ends: Sequence[ExpiryBar]
    soon_days: int
    chart: Chart
    runs: Sequence[RunView]


def read_view(history: History, now: datetime, days: int, soon_days: int) -> FleetView:
    """Read the content of the page from history.

    Args:
        days: The period of the chart, in days.
        soon_days: An expiry within that time is urgent.
    """
    open_ = history.open()
    checks = history.runs(2000, command=DRIFT)
    drifts = [run for run in checks if run.started >= now - timedelta(days=days)]
    newest = history.runs(1)
    tiles = tiles_of(history.fleet(), open_) if checks else _tiles_without_check(history, newest)
    subjects = subjects_of((row for row in open_ if not row.waived), now)
    runs = read_runs(history)
    return FleetView(
        now=now,
        registry=next((run.row.registry for run in runs if run.row.registry), ""),
        last=next(iter(drifts or newest), None),
        checked=bool(checks),
        tiles=tiles,
        counts=Counter(tile.state for tile in tiles),
        subjects=subjects[:SUBJECTS],
        waived=subjects_of((row for row in open_ if row.waived), now)[:SUBJECTS],
        held=change_groups(history.held(checks[0].run))[:SUBJECTS] if checks else (),
        rest=max(0, len(subjects) - SUBJECTS),
        findings=sum(not row.waived and row.state != "unexamined" for row in open_),
        proofs=last_proofs(history),
        devices=read_devices(history.connection),
        ends=expiry_bars(history.expiries(), now, soon_days),
        soon_days=soon_days,
        chart=chart([(run.started, run.findings, run.not_examined) for run in reversed(drifts)]),
        runs=runs,
    )


def _tiles_without_check(history: History, newest: Sequence[RunRow]) -> list[Tile]:
    return tiles_without_findings(history.fleet(newest[0].command)) if newest else []


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)
