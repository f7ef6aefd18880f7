"""The tiles of the page: one for each host, with its worst state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moor.engine.findings import EXAMINED
from moor.history.model import FindingRow, HostRow
from moor.output.pages.words import anchor, many, natural

STATES = {"ok": "as it should be", "drift": "drift", "failed": "failed", "unexamined": "not examined"}
WORST = ("unexamined", "failed", "drift")
MANY = 150  # with more hosts than these, the worst come first


@dataclass(frozen=True)
class Tile:
    """One host in the overview; ``link`` is the anchor of its worst finding, empty if it has none."""

    host: str
    state: str
    words: str
    link: str = ""


def tiles_of(hosts: Iterable[HostRow], open_: Iterable[FindingRow]) -> list[Tile]:
    """Return a tile per host with the worst state of its open findings; waived ones do not count.

    Few hosts are sorted by name; with more than ``MANY`` the worst come first.
    """
    found: dict[str, list[FindingRow]] = {}
    for row in open_:
        if not row.waived:
            found.setdefault(row.host, []).append(row)
    return _sorted([_tile(row, found.get(row.host, ())) for row in hosts])


def tiles_without_findings(hosts: Iterable[HostRow]) -> list[Tile]:
    """Return a tile per host of a run that opens no findings, such as an apply before the first drift check."""
    return _sorted([_plain_tile(row) for row in hosts])


def state_of(row: FindingRow) -> str:
    """Return the state of a host with a finding."""
    return "failed" if row.state == "finding" else row.state


def _sorted(tiles: list[Tile]) -> list[Tile]:
    crowded = len(tiles) > MANY
    return sorted(tiles, key=lambda tile: (crowded and rank(tile.state), natural(tile.host)))


def rank(state: str) -> int:
    """Return the place of a state: the worst first."""
    return WORST.index(state) if state in WORST else len(WORST)


def _tile(row: HostRow, found: Sequence[FindingRow]) -> Tile:
    worst = sorted(found, key=lambda finding: rank(state_of(finding)))
    if not worst:
        return Tile(row.host, "ok", f"{sum(row.counts.values())} resources, all right")
    names = [finding.id for finding in worst if finding.id != EXAMINED]
    words = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return Tile(row.host, state_of(worst[0]), words or "not reached", anchor("finding", worst[0].id))


def _plain_tile(row: HostRow) -> Tile:
    if row.error:
        return Tile(row.host, "failed" if row.reached else "unexamined", row.error.splitlines()[0])
    changed = row.counts.get("changed", 0)
    return Tile(row.host, "ok", f"{many(changed, 'change')} made" if changed else "nothing to change")
