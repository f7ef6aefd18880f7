"""The content of the page as values, made from history."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moor.engine.findings import EXAMINED
from moor.history.model import ExpiryRow, FindingRow, HostRow, RunRow
from moor.history.reading import History
from moor.output.pages.chart import Chart, chart, share
from moor.secrets.secret import mask

STATES = {"ok": "as it should be", "drift": "drift", "failed": "failed", "unexamined": "not examined"}
SIGNS = {"ok": "✓", "drift": "~", "failed": "!", "unexamined": "?", "finding": "!"}
WORST = ("unexamined", "failed", "drift")
GROUPS = 300  # groups of findings that are shown; the rest is counted
MAX_DIFF = 4000  # characters of one diff
RUNS = 25
MANY = 150  # with more hosts than these, the worst come first


@dataclass(frozen=True)
class Tile:
    """One host in the overview."""

    host: str
    state: str
    words: str


@dataclass(frozen=True)
class Group:
    """Equal findings of several hosts; ``hosts`` is empty for the whole fleet."""

    id: str
    state: str
    what: str
    remedy: str
    waived: str
    error_kind: str
    hosts: tuple[str, ...]
    first_seen: datetime
    age: str


@dataclass(frozen=True)
class ExpiryBar:
    """One expiry; ``share`` is the length of its bar, 0 to 100."""

    id: str
    host: str
    what: str
    remedy: str
    expires: datetime
    left: str
    urgency: str
    share: float


@dataclass(frozen=True)
class FleetView:
    """The content of the whole page.

    Attributes:
        groups: open findings, without waived ones
        rest: how many groups are not shown
        findings: how many findings are open, counted per host as ``moor drift`` counts
    """

    now: datetime
    last: RunRow | None
    tiles: Sequence[Tile]
    counts: Mapping[str, int]
    groups: Sequence[Group]
    waived: Sequence[Group]
    rest: int
    findings: int
    ends: Sequence[ExpiryBar]
    chart: Chart
    runs: Sequence[RunRow]


def read_view(history: History, now: datetime, days: int, soon_days: int) -> FleetView:
    """Read the content of the page from history.

    Args:
        days: The period of the chart, in days.
        soon_days: An expiry within that time is urgent.
    """
    open_ = history.open()
    drifts = [run for run in history.runs(2000, command="drift") if run.started >= now - timedelta(days=days)]
    tiles = tiles_of(history.fleet(), open_)
    groups = grouped((row for row in open_ if not row.waived), now)
    return FleetView(
        now,
        drifts[0] if drifts else next(iter(history.runs(1)), None),
        tiles,
        Counter(tile.state for tile in tiles),
        groups[:GROUPS],
        grouped((row for row in open_ if row.waived), now)[:GROUPS],
        max(0, len(groups) - GROUPS),
        sum(not row.waived and row.state != "unexamined" for row in open_),
        [expiry_bar(row, now, soon_days) for row in history.expiries()],
        chart([(run.started, run.findings, run.not_examined) for run in reversed(drifts)]),
        history.runs(RUNS),
    )


def tiles_of(hosts: Iterable[HostRow], open_: Iterable[FindingRow]) -> list[Tile]:
    """Return a tile per host with the worst state of its open findings; waived ones do not count.

    Few hosts are sorted by name; with more than ``MANY`` the worst come first.
    """
    found: dict[str, list[FindingRow]] = {}
    for row in open_:
        if not row.waived:
            found.setdefault(row.host, []).append(row)
    tiles = [_tile(row, found.get(row.host, ())) for row in hosts]
    many = len(tiles) > MANY
    return sorted(tiles, key=lambda tile: (many and _rank(tile), _natural(tile.host)))


def _rank(tile: Tile) -> int:
    return WORST.index(tile.state) if tile.state in WORST else len(WORST)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts node2 before node10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _tile(row: HostRow, found: Sequence[FindingRow]) -> Tile:
    states = {"failed" if finding.state == "finding" else finding.state for finding in found}
    state = next((state for state in WORST if state in states), "ok")
    if state == "ok":
        return Tile(row.host, state, f"{sum(row.counts.values())} resources as they should be")
    names = [finding.id for finding in found if finding.id != EXAMINED]
    words = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Tile(row.host, state, words or "the finding below says why")


def grouped(rows: Iterable[FindingRow], now: datetime) -> list[Group]:
    """Group equal findings of several hosts, oldest first."""
    found: dict[tuple[str, ...], list[FindingRow]] = {}
    for row in rows:
        key = (row.id, row.state, row.what, row.remedy, row.waived, row.error_kind or "")
        found.setdefault(key, []).append(row)
    groups = [_group(key, held, now) for key, held in found.items()]
    return sorted(groups, key=lambda group: (group.first_seen, group.id))


def _group(key: tuple[str, ...], rows: Sequence[FindingRow], now: datetime) -> Group:
    name, state, what, remedy, waived, kind = key
    first = min(row.first_seen for row in rows)
    hosts = tuple(sorted(row.host for row in rows if row.host))
    shown = mask(what if len(what) <= MAX_DIFF else f"{what[:MAX_DIFF]}\n...")
    return Group(name, state, shown, mask(remedy), mask(waived), kind, hosts, first, span(now - first))


def expiry_bar(row: ExpiryRow, now: datetime, soon_days: int) -> ExpiryBar:
    """Return an expiry with its urgency and the length of its bar."""
    rest = row.expires - now
    days = rest.total_seconds() / 86400
    urgency = "over" if days <= 0 else "soon" if days <= soon_days else "later"
    left = f"over since {span(-rest)}" if days <= 0 else f"in {span(rest)}"
    return ExpiryBar(row.id, row.host, row.what, row.remedy, row.expires, left, urgency, share(days))


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit, such as ``3 hours``."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size * (2 if unit == "year" else 1):
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "a moment"


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)
