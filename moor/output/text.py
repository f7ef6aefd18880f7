"""Reports as text, as commands print them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import indent

from moor.engine.findings import Finding
from moor.errors import ErrorKind
from moor.folding import fold
from moor.output import paint, rolled, tables
from moor.output.devices import device_changes
from moor.output.grouping import folded_rows, grouped, was_shown
from moor.run.report import HostReport, RunReport, count_by_status, open_findings, unwaived_findings

SIGN = {"drift": "~", "changed": "~", "failed": "!", "skipped": "-", "held": "-"}
# Kinds of errors that the inventory may be the cause of.
ON_THE_WAY = {ErrorKind.UNREACHABLE, ErrorKind.NAME, ErrorKind.HOST_KEY, ErrorKind.AUTHENTICATION, ErrorKind.PRIVILEGE}
IN_INVENTORY = "in the inventory"  # how an error says where its cause is to be mended
BELOW = " " * 6  # what belongs to an entry is indented by as much


def plan(report: RunReport) -> str:
    """Render a plan: changes, then what could not be planned, then the counts."""
    changes, whole = count_by_status(report).get("drift", 0), sum(not host.error for host in report.hosts.values())
    if changes:
        summary = f"plan: {_many(changes, 'change')} on {_many(_touched(report), 'host')}"
    elif whole == len(report.hosts):
        summary = "plan: no changes"
    else:
        rest = f"incomplete, nothing to do on the other {_many(whole, 'host')}"
        summary = f"plan: {rest if whole else 'nothing could be planned'}"
    skips = (*(f"  - {words}" for words in report.warnings), *rolled.waiting(report))
    said = (*_changes(report), *_errors(report), *findings(report), *_devices(report), *skips, _where_written(report))
    return joined([*said, f"{summary}; {_kept(report)}"])


def applied(report: RunReport) -> str:
    """Render an apply: what was changed, what failed or was skipped, then the counts."""
    count = count_by_status(report)
    words = f"{count.get('changed', 0)} changed, {count.get('failed', 0)} failed, {count.get('skipped', 0)} skipped"
    summary = f"apply: {words} on {_many(_touched(report), 'host')}" if _touched(report) else f"apply: {_idle(report)}"
    again = f"\nafter mending what failed, run the same command again (run {report.run})" if report.failed else ""
    again = rolled.stopped(report) if report.stopped else again
    parts = (*_changes(report), *_errors(report), *findings(report), *rolled.left(report), _where_written(report))
    return joined([*parts, f"{summary}; {_kept(report)}{again}"])


def _idle(report: RunReport) -> str:
    return "nothing was changed" if report.failed else "nothing to change"


def drift(report: RunReport) -> str:
    """Render a drift check: what was mended, what differs and since when, what is waived, then the counts."""
    waived = [finding for finding in open_findings(report) if finding.waived]
    mending = report.mended
    mended = ["mended:", *_changes(mending), *_errors(mending), ""] if mending else []
    rest = (*map(_waived, waived), *_held(report), *rolled.waiting(report), _sum(report, len(waived)))
    return joined([*mended, *_open(report), *_devices(report), *_not_examined(report), _where_written(report), *rest])


def _open(report: RunReport) -> Iterator[str]:
    """Yield equal drift of several hosts once, then the findings that are no resource."""
    found = (
        (name, (one.id, one.status, one.error or one.diff, _since(one.first_seen)))
        for name, host in report.hosts.items()
        for one in host.resources
        if one.status in ("drift", "failed") and not one.waived
    )
    for group in grouped(found):
        identity, status, words, since = group.shown
        yield f"  {SIGN[status]} {identity}  [{group.names}]{since}\n{indent(words, BELOW)}".rstrip()
    yield from findings(report)


def findings(report: RunReport) -> Iterator[str]:
    """Yield what is wrong and moor does not change."""
    for finding in report.findings:
        if not finding.waived:
            mend = f"\n      mend: {finding.remedy}" if finding.remedy else ""
            sign = "?" if finding.state == "unexamined" else "!"
            yield f"  {sign} {finding.id}{_since(finding.first_seen)}\n      {finding.what}{mend}"


def _devices(report: RunReport) -> Iterator[str]:
    """Yield the devices whose configuration has changed since the last check, and who changed those that differ."""
    for name, told, command in device_changes(report):
        yield f"  {name}: {told}; see {command}"


def _held(report: RunReport) -> Iterator[str]:
    """Yield what is held, with the reason, and how it differs."""
    found = (
        (name, (one.id, one.held, one.diff))
        for name, host in report.hosts.items()
        for one in host.resources
        if one.status == "held"
    )
    for group in grouped(found):
        identity, held, diff = group.shown
        yield f"  - {identity}  [{group.names}]  held: {held}\n{indent(diff, BELOW)}".rstrip()


def _since(first_seen: str) -> str:
    return f"  since {first_seen[:16].replace('T', ' ')} UTC" if first_seen else ""


def _not_examined(report: RunReport) -> Iterator[str]:
    words = ((name, ("\n".join(dict.fromkeys(h.unexamined)),)) for name, h in report.hosts.items() if h.unexamined)
    for group in grouped(words, addresses=True):
        yield f"  ? {group.names}: not examined: {indent(group.shown[0], BELOW).strip()}"


def _waived(finding: Finding) -> str:
    return f"  - {finding.id}{f'  [{finding.host}]' if finding.host else ''}  waived: {finding.waived}"


def _sum(report: RunReport, waived: int) -> str:
    found = [finding for finding in unwaived_findings(report) if finding.state != "unexamined"]
    whole = sum(not host.unexamined for host in report.hosts.values())
    complete = whole == len(report.hosts) and all(one.state != "unexamined" for one in report.findings)
    words = _many(len(found), "finding") if found else "clean" if complete else "no finding"
    told = f", {waived} waived" if waived else ""
    told += f", {held} held" if (held := count_by_status(report).get("held", 0)) else ""
    examined = f"{whole} of {_many(len(report.hosts), 'host')} examined"
    return f"drift: {words}{told}; {examined}, {count_by_status(report).get('ok', 0)} resources as they should be"


@dataclass(frozen=True)
class Unfinished:
    """What an interrupted run left undone on a host: the task under way, and the stages that had not begun."""

    host: str
    at: str
    rest: tuple[str, ...]

    def __str__(self) -> str:
        rest = f"not begun: {', '.join(self.rest)}" if self.rest else ""
        return "; ".join(filter(None, (f"under way: {self.at}" if self.at else "", rest))) or "done"


def interrupted(report: RunReport, left: Iterable[Unfinished]) -> str:
    """Render what was changed before the run was interrupted, and what was left undone on each host."""
    count, alike = count_by_status(report), dict[str, list[str]]()
    done = f"{count.get('changed', 0)} changed, {count.get('failed', 0)} failed before that"
    for host in left:
        if not report.hosts[host.host].error:
            alike.setdefault(str(host), []).append(host.host)
    each = (f"  {fold(hosts)}: {words}" for words, hosts in alike.items())
    rest = "what is under way on a host ends there by itself; run the same command again to go on"
    return joined([*_changes(report), *_errors(report), f"interrupted: {done}", *each, rest])


def reached(report: RunReport) -> str:
    """Render which hosts were reached and meet the requirements, then what each lacks, then findings."""
    rows = {name: (_state(host), "" if host.reached else host.error) for name, host in report.hosts.items()}
    lines = grouped((name, (line,)) for name, host in report.hosts.items() for line in _lacks(host))
    lacks = (f"  ! {group.names}: {group.shown[0]}" for group in lines)
    return joined(
        [
            table(["host", "state", "why not"], folded_rows(rows, addresses=True)),
            *lacks,
            *findings(report),
            _where_written(report),
        ]
    )


def _lacks(host: HostReport) -> Iterator[str]:
    """Return a line for each thing that a host lacks, over all tasks; not why it was not reached."""
    errors = [*host.unexamined, *(resource.error for resource in host.resources if resource.status == "failed")]
    told = () if host.reached else host.error.splitlines()
    return (line for line in dict.fromkeys(line for error in errors for line in error.splitlines()) if line not in told)


def _state(host: HostReport) -> str:
    return ("unfit" if host.error else "reached") if host.reached else "not reached"


def _changes(report: RunReport) -> Iterator[str]:
    """Yield equal changes of several hosts once, with the hosts after the id; a diff that was shown is left out."""
    found = (
        (name, (one.id, one.status, "" if was_shown(name, one.id, one.diff) else one.diff, one.held))
        for name, host in report.hosts.items()
        for one in host.resources
        if one.status in SIGN
    )
    for group in grouped(found):
        identity, status, diff, held = group.shown
        note = f" ({status})" if status in ("failed", "skipped") else ""
        shown = f"\n{indent(diff, BELOW)}" if diff and status != "skipped" else ""
        shown = f"  held: {held}{shown}" if held else shown
        yield f"  {SIGN[status]} {identity}{note}  [{group.names}]{shown}"


def _errors(report: RunReport) -> Iterator[str]:
    unsaid = (
        (name, (host.error,)) for name, host in report.hosts.items() if host.error and not rolled.is_left(report, host)
    )
    for group in grouped(unsaid, addresses=True):
        yield f"  ! {group.names}: {indent(group.shown[0], BELOW).strip()}"


def _where_written(report: RunReport) -> str:
    """Return which command tells the file and line of what a host is reached by; empty if all were reached."""
    hosts = report.hosts.items()
    names = [name for name, host in hosts if host.error_kind in ON_THE_WAY or IN_INVENTORY in host.error]
    shown = names[0] if len(names) == 1 else "HOST"
    return f"see moor show {shown} for file and line of address, user, key" if names else ""


def _touched(report: RunReport) -> int:
    return sum(any(r.status not in ("ok", "held") for r in host.resources) for host in report.hosts.values())


def _kept(report: RunReport) -> str:
    skipped = sum(host.skipped for host in report.hosts.values())
    failed = sum(bool(host.error) for host in report.hosts.values()) - skipped
    told = f"; {failed} of {_many(len(report.hosts), 'host')} failed" if failed else ""
    beside = f", {skipped} skipped" if skipped else ""
    held = f", {number} held" if (number := count_by_status(report).get("held", 0)) else ""
    return f"{count_by_status(report).get('ok', 0)} as they should be{told}{beside}{held}"


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def joined(parts: Iterable[str]) -> str:
    """Join the parts that are not empty by newlines."""
    return "\n".join(part for part in parts if part)


def table(columns: list[str], rows: Iterable[Iterable[str]]) -> str:
    """Render a table, which fits on the terminal if standard output is one."""
    return tables.render(columns, rows, paint.columns_of(sys.stdout))
