"""Reports as text: what a person reads after a command."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from textwrap import indent

from rich.console import Console
from rich.table import Table

from moor.report import HostReport, ResourceReport, RunReport, counts

SIGN = {"drift": "~", "changed": "~", "failed": "!", "skipped": "-"}


def plan(report: RunReport) -> str:
    """Show what would change, then what could not be planned, then the counts."""
    changes = counts(report).get("drift", 0)
    summary = (
        f"plan: {_many(changes, 'change')} on {_many(_touched(report), 'host')}" if changes else "plan: no changes"
    )
    return _joined([*_changes(report), *_errors(report), f"{summary}; {_kept(report)}"])


def applied(report: RunReport) -> str:
    """Show what was changed, what failed and what was skipped, then the counts."""
    count = counts(report)
    words = f"{count.get('changed', 0)} changed, {count.get('failed', 0)} failed, {count.get('skipped', 0)} skipped"
    summary = f"apply: {words} on {_many(_touched(report), 'host')}" if _touched(report) else "apply: nothing to change"
    again = f"\nafter mending what failed, run the same command again (run {report.run})" if report.failed else ""
    return _joined([*_changes(report), *_errors(report), f"{summary}; {_kept(report)}{again}"])


def interrupted(report: RunReport, busy: Mapping[str, str]) -> str:
    """Show what was changed before the run was interrupted, and what it was at."""
    count = counts(report)
    done = f"{count.get('changed', 0)} changed, {count.get('failed', 0)} failed before that"
    at = ", ".join(f"{host} ({task})" for host, task in sorted(busy.items())) or "nothing"
    rest = "what has begun on a host ends there by itself; run the same command again to go on"
    return _joined([*_changes(report), *_errors(report), f"interrupted: {done}; unfinished: {at}; {rest}"])


def reached(report: RunReport) -> str:
    """Show each host and whether it was reached."""
    rows = ([name, "reached" if not host.error else "not reached", host.error] for name, host in report.hosts.items())
    return table(["host", "state", "why not"], rows)


def matrix(report: RunReport) -> str:
    """Show a row a host and a column a proof; what lies behind the first fault of a row is unknown."""
    proved = {name: host for name, host in report.hosts.items() if host.resources or host.error}
    columns = list(dict.fromkeys(_column(r) for host in proved.values() for r in host.resources))
    rows = ([name, *_cells(host, columns)] for name, host in proved.items())
    return _joined([table(["host", *columns], rows), *_first_faults(report), *_drifts(report)])


def _cells(host: HostReport, columns: list[str]) -> Iterator[str]:
    by_column = {_column(resource): resource for resource in host.resources}
    faulty = False
    for column in columns:
        resource = by_column.get(column)
        if resource is None:
            yield "-" if host.resources and not faulty else "?"
        else:
            ok = resource.status == "ok"
            yield "?" if faulty else "ok" if ok else "FAULT"
            faulty = faulty or not ok


def _column(resource: ResourceReport) -> str:
    return resource.id.partition(":")[2]


def _changes(report: RunReport) -> Iterator[str]:
    """Show equal changes of several hosts once, with the hosts behind the id."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status in SIGN:
                groups.setdefault((resource.id, resource.status, resource.diff), []).append(name)
    for (identity, status, diff), hosts in groups.items():
        note = f" ({status})" if status in ("failed", "skipped") else ""
        shown = f"\n{indent(diff, '      ')}" if diff and status != "skipped" else ""
        yield f"  {SIGN[status]} {identity}{note}  [{' '.join(hosts)}]{shown}"


def _errors(report: RunReport) -> Iterator[str]:
    for name, host in report.hosts.items():
        if host.error:
            yield f"  ! {name}: {indent(host.error, '      ').strip()}"


def _first_faults(report: RunReport) -> Iterator[str]:
    """Show of each host what failed first: the faults behind it may be its consequences, and so may their remedies."""
    for name, host in report.hosts.items():
        if host.error:
            first = next((resource.error for resource in host.resources if resource.error), host.error)
            yield f"  ! {name}: {indent(first, '      ').strip()}"


def _drifts(report: RunReport) -> Iterator[str]:
    for name, host in report.hosts.items():
        for resource in host.resources:
            if resource.status == "drift":
                yield f"  ! {name}: {resource.id}: {resource.diff}"


def _touched(report: RunReport) -> int:
    return sum(any(r.status != "ok" for r in host.resources) for host in report.hosts.values())


def _kept(report: RunReport) -> str:
    failed = sum(bool(host.error) for host in report.hosts.values())
    told = f"; {failed} of {_many(len(report.hosts), 'host')} failed" if failed else ""
    return f"{counts(report).get('ok', 0)} as they should be{told}"


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part)


def table(columns: list[str], rows: Iterable[Iterable[str]]) -> str:
    """Draw a table in plain text, as wide as it needs to be."""
    drawn = Table(box=None, pad_edge=False, header_style="")
    for column in columns:
        drawn.add_column(column, no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=10_000, no_color=True, highlight=False, markup=False).print(drawn)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
