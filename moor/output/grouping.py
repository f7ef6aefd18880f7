"""What is alike on several hosts is shown once, also where only the host's own name differs: changes, errors, drift."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from moor.folding import FEW, fold
from moor.run.report import RunReport

HOST, ADDRESS = "<host>", "<address>"  # stand for what differs between the hosts of a group
IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")

_shown: ContextVar[set[tuple[str, str, str]] | None] = ContextVar("shown", default=None)


@dataclass
class Group:
    """Hosts with the same texts.

    Attributes:
        hosts: their names, in the order of the report.
        texts: those of the first host.
        general: the same with placeholders for the host's name and addresses.
        same: whether the texts are the same on all hosts to the letter.
    """

    hosts: list[str]
    texts: tuple[str, ...]
    general: tuple[str, ...]
    same: bool = True

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the texts to print."""
        return self.texts if self.same else self.general

    @property
    def names(self) -> str:
        """Return the hosts, folded."""
        return fold(self.hosts)


def grouped(entries: Iterable[tuple[str, tuple[str, ...]]], addresses: bool = False) -> list[Group]:
    """Group hosts whose texts are alike, in the order in which texts first appear.

    Args:
        entries: a host and its texts.
        addresses: whether IPv4 addresses count as alike, as in errors about each host's own address.
    """
    groups: dict[tuple[str, ...], Group] = {}
    for host, texts in entries:
        general = tuple(_general(text, host, addresses) for text in texts)
        group = groups.setdefault(general, Group([], texts, general))
        group.same = group.same and group.texts == texts
        group.hosts.append(host)
    return list(groups.values())


def folded_rows(rows: Mapping[str, Sequence[str]], addresses: bool = False) -> Iterator[list[str]]:
    """Yield the rows of a table, hosts in the first column; many hosts with the same cells share one row.

    Args:
        rows: the other cells, by host.
        addresses: whether IPv4 addresses count as the same.
    """
    alike = grouped(((host, tuple(row)) for host, row in rows.items()), addresses)
    groups = {host: group for group in alike for host in group.hosts}
    for host, row in rows.items():
        group = groups[host]
        if len(group.hosts) <= FEW:
            yield [host, *row]
        elif host == group.hosts[0]:
            yield [group.names, *group.shown]


def _general(text: str, host: str, addresses: bool) -> str:
    general = _name(host).sub(HOST, text) if host in text else text
    return IPV4.sub(ADDRESS, general) if addresses else general


@lru_cache(maxsize=4096)
def _name(host: str) -> re.Pattern[str]:
    """Return the pattern of a host's name as a word of its own, or as the first label of a longer name."""
    return re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])")


@contextmanager
def each_diff_once() -> Iterator[None]:
    """Leave out diffs that ``note_shown`` was told about: what a user has just agreed to is not shown twice."""
    token = _shown.set(set())
    try:
        yield
    finally:
        _shown.reset(token)


def note_shown(report: RunReport) -> None:
    """Note the diffs of a report that was printed."""
    shown = _shown.get()
    if shown is not None:
        shown.update((name, one.id, one.diff) for name, host in report.hosts.items() for one in host.resources)


def was_shown(host: str, identity: str, diff: str) -> bool:
    """Return whether the user has seen this diff."""
    return (host, identity, diff) in (_shown.get() or ())
