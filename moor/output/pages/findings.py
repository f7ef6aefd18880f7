"""Findings as the page shows them: by id, equal ones of several hosts once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from moor.history.model import FindingRow
from moor.output import grouping
from moor.output.pages.diffs import Row, rows_of
from moor.output.pages.hosts import rank, state_of
from moor.output.pages.words import anchor, folded, limit, natural, span
from moor.secrets.secret import mask

MAX_DIFF = 4000  # characters of one diff
LONG = 16  # rows of a diff that is folded at first


@dataclass(frozen=True)
class Group:
    """Equal findings of several hosts; ``hosts`` is empty for the whole fleet.

    Attributes:
        host_state: the state of a host with it
        what: the finding in words; empty where it is a diff
        rows: the diff
        mend: the remedy, one command or sentence a line
    """

    id: str
    state: str
    host_state: str
    what: str
    rows: Sequence[Row]
    mend: Sequence[str]
    waived: str
    error_kind: str
    hosts: tuple[str, ...]
    first_seen: datetime
    age: str

    @property
    def where(self) -> str:
        """Return the hosts as people read them."""
        return folded(self.hosts)

    @property
    def is_long(self) -> bool:
        """Return whether the diff is folded at first."""
        return len(self.rows) > LONG


@dataclass(frozen=True)
class Subject:
    """All findings with one id, worst first; ``anchor`` stays the same while any of them is open."""

    id: str
    anchor: str
    groups: tuple[Group, ...]

    @property
    def size(self) -> int:
        """Return on how many hosts it is."""
        return sum(len(group.hosts) for group in self.groups)


def subjects_of(rows: Iterable[FindingRow], now: datetime) -> list[Subject]:
    """Group findings by id: the worst first, then those of the most hosts, then the oldest."""
    found: dict[str, list[Group]] = {}
    for group in grouped(rows, now):
        found.setdefault(group.id, []).append(group)
    made = [Subject(name, anchor("finding", name), tuple(sorted(groups, key=_order))) for name, groups in found.items()]
    return sorted(
        made, key=lambda subject: (rank(subject.groups[0].host_state), -subject.size, _order(subject.groups[0]))
    )


def _order(group: Group) -> tuple[int, datetime, str]:
    return rank(group.host_state), group.first_seen, group.id


def grouped(rows: Iterable[FindingRow], now: datetime) -> list[Group]:
    """Group findings that are alike on several hosts, oldest first."""
    found: dict[tuple[str, ...], dict[str, FindingRow]] = {}
    for row in rows:
        found.setdefault((row.id, row.state, row.waived, row.error_kind or ""), {})[row.host] = row
    groups = [
        _group([held[name] for name in alike.hosts], alike.shown, now)
        for held in found.values()
        for alike in grouping.grouped(
            ((name, (row.what, row.remedy)) for name, row in held.items()),
            addresses=any(row.state == "unexamined" for row in held.values()),
        )
    ]
    return sorted(groups, key=lambda group: (group.first_seen, group.id))


def _group(rows: Sequence[FindingRow], texts: Sequence[str], now: datetime) -> Group:
    one, first, (what, remedy) = rows[0], min(row.first_seen for row in rows), texts
    hosts = tuple(sorted((row.host for row in rows if row.host), key=natural))
    shown = mask(what if len(what) <= MAX_DIFF else f"{what[:MAX_DIFF]}\n...")
    diff = rows_of(shown) if one.state == "drift" else ()
    is_diff = any(row.same or row.old or row.new for row in diff)
    mend = mask(remedy).replace(grouping.HOST, limit(hosts)) or (
        _apply(hosts) if one.state == "drift" and not one.waived else ""
    )
    return Group(
        one.id, one.state, state_of(one), "" if is_diff else shown, diff if is_diff else (), mend.splitlines(),
        mask(one.waived), one.error_kind or "", hosts, first, span(now - first),
    )  # fmt: skip


def _apply(hosts: Sequence[str]) -> str:
    return f"moor apply --limit {limit(hosts)}" if hosts else "moor apply"
