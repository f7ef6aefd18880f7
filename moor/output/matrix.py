"""The table that verify prints: hosts by proofs, then each cause once with its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import indent

from moor.output.folding import fold
from moor.output.grouping import grouped
from moor.output.text import joined, table
from moor.run.report import HostReport, ResourceReport, RunReport

CELL = {"ok": "ok", "skipped": "?"}
HOST = "\0"  # placeholder for a host's name while equal causes are grouped; no text of a report has it


def matrix(report: RunReport) -> str:
    """Render a row per host and a column per proof, then each cause once with its hosts and remedy.

    A cell is ``ok``, ``FAULT``, ``?`` behind a fault, or ``-`` where the host was not asked.
    """
    proved = {name: host for name, host in report.hosts.items() if host.resources or host.error}
    columns = _in_order(report)
    rows = ([name, *_cells(host, columns)] for name, host in proved.items())
    return joined([table(["host", *columns], rows), *_causes(report), *_unexamined(report), *_unknown(report)])


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


def _causes(report: RunReport) -> Iterator[str]:
    """Yield each cause once; where its remedy names the host, it then names all hosts with that cause."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            for found in resource.causes:
                mend, cause = (re.sub(rf"\b{re.escape(name)}\b", HOST, text) for text in (found.mend, found.cause))
                groups.setdefault((_column(resource), cause, mend), []).append(name)
    for (column, cause, mend), hosts in groups.items():
        names = fold(hosts).replace(" ", ",")  # as --limit takes them
        yield f"  ! {fold(hosts)}: {column}: {cause.replace(HOST, names)}\n      mend: {mend.replace(HOST, names)}"


def _unexamined(report: RunReport) -> Iterator[str]:
    """Yield why hosts were not examined, and errors without a known cause."""
    errors = {name: host for name, host in report.hosts.items() if host.error}
    away = ((name, (host.error.splitlines()[0],)) for name, host in errors.items() if not host.reached)
    for group in grouped(away, addresses=True):
        yield f"  ! {group.names}: not examined: {group.shown[0]}"
    told = {name for name, host in errors.items() if not host.reached or any(one.causes for one in host.resources)}
    for group in grouped((name, (host.error,)) for name, host in errors.items() if name not in told):
        yield f"  ! {group.names}: {indent(group.shown[0], '      ').strip()}"


def _unknown(report: RunReport) -> Iterator[str]:
    """Yield each reason why proofs were not examined once, with its hosts and proofs."""
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status == "skipped" and resource.error:
                hosts, columns = groups.setdefault(resource.error, ([], []))
                hosts.append(name)
                columns.append(_column(resource))
    for words, (hosts, columns) in groups.items():
        yield f"  ? {fold(dict.fromkeys(hosts))}: {', '.join(dict.fromkeys(columns))}: not examined: {words}"


def _column(resource: ResourceReport) -> str:
    return resource.id.partition(":")[2]
