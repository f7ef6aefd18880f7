"""What the page shows, as values made from history; pure but for the reading."""

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
GROUPS = 300  # of findings that are shown; the rest is counted
LONGEST = 4000  # characters of one diff
RUNS = 25
MANY = 150  # hosts; from then on the worst stand first


@dataclass(frozen=True)
class Tile:
    """One host at a glance."""

    host: str
    state: str
    words: str


@dataclass(frozen=True)
class Group:
    """Findings that are the same on several hosts; ``hosts`` is empty for the whole fleet."""

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
class End:
    """What ends by itself; ``share`` is how far along the timeline it stands, 0 to 100."""

    id: str
    host: str
    what: str
    remedy: str
    expires: datetime
    left: str
    urgency: str
    share: float


@dataclass(frozen=True)
class View:
    """The whole page; ``rest`` counts the groups that are not shown, ``findings`` each of each host, as drift does."""

    now: datetime
    last: RunRow | None
    tiles: Sequence[Tile]
    counts: Mapping[str, int]
    groups: Sequence[Group]
    waived: Sequence[Group]
    rest: int
    findings: int
    ends: Sequence[End]
    chart: Chart
    runs: Sequence[RunRow]


def look(history: History, now: datetime, days: int, soon_days: int) -> View:
    """Read what the page shows.

    Args:
        days: how far back drift over time goes
        soon_days: what ends within that time is urgent
    """
    open_ = history.open()
    drifts = [run for run in history.runs(2000, command="drift") if run.started >= now - timedelta(days=days)]
    tiles = tiles_of(history.fleet(), open_)
    groups = grouped((row for row in open_ if not row.waived), now)
    return View(
        now,
        drifts[0] if drifts else next(iter(history.runs(1)), None),
        tiles,
        Counter(tile.state for tile in tiles),
        groups[:GROUPS],
        grouped((row for row in open_ if row.waived), now)[:GROUPS],
        max(0, len(groups) - GROUPS),
        sum(not row.waived and row.state != "unexamined" for row in open_),
        [end_of(row, now, soon_days) for row in history.expiries()],
        chart([(run.started, run.findings, run.not_examined) for run in reversed(drifts)]),
        history.runs(RUNS),
    )


def tiles_of(hosts: Iterable[HostRow], open_: Iterable[FindingRow]) -> list[Tile]:
    """Return each host the worst of its open findings; what somebody waived is as it should be.

    Many hosts stand with the worst first, few by their names.
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
    """Return the key by which node2 stands before node10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _tile(row: HostRow, found: Sequence[FindingRow]) -> Tile:
    states = {"failed" if finding.state == "finding" else finding.state for finding in found}
    state = next((state for state in WORST if state in states), "ok")
    if state == "ok":
        return Tile(row.host, state, f"{sum(row.counts.values())} resources as they should be")
    names = [finding.id for finding in found if finding.id != EXAMINED]
    words = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Tile(row.host, state, words or "nobody knows how it is")


def grouped(rows: Iterable[FindingRow], now: datetime) -> list[Group]:
    """Bring equal findings of several hosts together, the oldest first."""
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
    shown = mask(what if len(what) <= LONGEST else f"{what[:LONGEST]}\n...")
    return Group(name, state, shown, mask(remedy), mask(waived), kind, hosts, first, span(now - first))


def end_of(row: ExpiryRow, now: datetime, soon_days: int) -> End:
    """Place one end on the timeline."""
    rest = row.expires - now
    days = rest.total_seconds() / 86400
    urgency = "over" if days <= 0 else "soon" if days <= soon_days else "later"
    left = f"over since {span(-rest)}" if days <= 0 else f"in {span(rest)}"
    return End(row.id, row.host, row.what, row.remedy, row.expires, left, urgency, share(days))


def span(length: timedelta) -> str:
    """Write a length of time in its largest unit."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size * (2 if unit == "year" else 1):
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "a moment"


def utc_now() -> datetime:
    """Return the time of now."""
    return datetime.now(UTC)
