"""The table that verify prints: hosts by proofs, then each cause once with its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from moor.folding import fold
from moor.output.grouping import folded_rows, grouped
from moor.output.text import joined, table
from moor.run.report import HostReport, ResourceReport, RunReport

CELL = {"ok": "ok", "skipped": "?"}
HOST = "\0"  # placeholder for a host's name while equal causes are grouped; no text of a report has it


@dataclass(frozen=True)
class Note:
    """What stands below the table for some hosts: a cause with its remedy, or why something is not known.

    Attributes:
        sign: ``!``, or ``?`` for proofs that were not examined
        proofs: the columns that it is about; none if it is about the hosts as a whole
        mend: the remedy; empty if there is none
    """

    sign: str
    hosts: tuple[str, ...]
    proofs: tuple[str, ...]
    words: str
    mend: str = ""


def matrix(report: RunReport) -> str:
    """Render a row per host and a column per proof, then each cause once with its hosts and remedy.

    Many hosts with the same cells share a row.
    A cell is ``ok``, ``FAULT``, ``?`` behind a fault, or ``-`` where the host was not asked.
    """
    columns, rows = cells(report)
    shown = table(["host", *columns], folded_rows(rows))
    return joined([shown, *map(_line, notes(report))])


def _line(note: Note) -> str:
    about = f"{', '.join(note.proofs)}: " if note.proofs else ""
    mend = f"\n      mend: {note.mend}" if note.mend else ""
    return f"  {note.sign} {fold(note.hosts)}: {about}{note.words}{mend}"


def cells(report: RunReport) -> tuple[list[str], dict[str, list[str]]]:
    """Return the columns of the table, and the cells of every host that was asked."""
    proved = {name: host for name, host in report.hosts.items() if host.resources or host.error}
    columns = _in_order(report)
    return columns, {name: list(_cells(host, columns)) for name, host in proved.items()}


def notes(report: RunReport) -> list[Note]:
    """Return what stands below the table: causes, hosts that were not examined, proofs that were not."""
    return [*_causes(report), *_unexamined(report), *_unknown(report)]


def _in_order(report: RunReport) -> list[str]:
    """Return the columns in the order in which hosts report their proofs, also where a host lacks some."""
    longest = max((host.resources for host in report.hosts.values()), key=len, default=[])
    every = [resource for host in report.hosts.values() for resource in host.resources]
    return list(dict.fromkeys(_column(resource) for resource in [*longest, *every]))


def _cells(host: HostReport, columns: list[str]) -> Iterator[str]:
    by_column = {_column(resource): resource for resource in host.resources}
    for column in columns:
        resource = by_column.get(column)
        if resource is None:
            yield "-" if host.resources and host.reached else "?"
        else:
            yield CELL.get(resource.status, "FAULT")


def _causes(report: RunReport) -> Iterator[Note]:
    """Yield each cause once; where its remedy names the host, it then names all hosts with that cause."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            for found in resource.causes:
                mend, cause = (re.sub(rf"\b{re.escape(name)}\b", HOST, text) for text in (found.mend, found.cause))
                groups.setdefault((_column(resource), cause, mend), []).append(name)
    for (column, cause, mend), hosts in groups.items():
        names = fold(hosts).replace(" ", ",")  # as --limit takes them
        yield Note("!", tuple(hosts), (column,), cause.replace(HOST, names), mend.replace(HOST, names))


def _unexamined(report: RunReport) -> Iterator[Note]:
    """Yield why hosts were not examined, and errors without a known cause."""
    errors = {name: host for name, host in report.hosts.items() if host.error}
    away = ((name, (host.error.splitlines()[0],)) for name, host in errors.items() if not host.reached)
    for group in grouped(away, addresses=True):
        yield Note("!", tuple(group.hosts), (), f"not examined: {group.shown[0]}")
    told = {name for name, host in errors.items() if not host.reached or any(one.causes for one in host.resources)}
    for group in grouped((name, (host.error,)) for name, host in errors.items() if name not in told):
        yield Note("!", tuple(group.hosts), (), indent(group.shown[0], "      ").strip())


def _unknown(report: RunReport) -> Iterator[Note]:
    """Yield each reason why proofs were not examined once, with its hosts and proofs."""
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status == "skipped" and resource.error:
                hosts, columns = groups.setdefault(resource.error, ([], []))
                hosts.append(name)
                columns.append(_column(resource))
    for words, (hosts, columns) in groups.items():
        yield Note("?", tuple(dict.fromkeys(hosts)), tuple(dict.fromkeys(columns)), f"not examined: {words}")


def _column(resource: ResourceReport) -> str:
    return resource.id.partition(":")[2]
