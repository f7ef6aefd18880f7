"""A run as Markdown, for a pull request or a ticket: a table of changes, their diffs folded, and what failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from moor.output.devices import device_changes
from moor.output.grouping import Group, grouped
from moor.run.report import ResourceReport, RunReport, count_by_status

LONGEST = 60_000  # characters; GitHub refuses a comment of more than 65536
MOST_DEVICES = 50
SHOWN = {"drift": "would change", "changed": "changed", "failed": "failed", "skipped": "skipped", "held": "held"}


def markdown(report: RunReport) -> str:
    """Return the report as Markdown of GitHub and GitLab; long diffs are left out where it would get too long."""
    rows = _rows(report)
    head = "\n".join(
        [_title(report), *_table(rows), *_errors(report), *_findings(report), *_devices(report), *_warnings(report)]
    )
    left, diffs = LONGEST - len(head), list[str]()
    told = [row for row in rows if row.shown[2]]
    for diff in map(_diff, told):
        if len(diff) < left:
            left -= len(diff)
            diffs.append(diff)
    missing = len(told) - len(diffs)
    more = f"\nToo long to be shown here: the diffs of {missing} more.\n" if missing else ""
    return "".join([head, "\n", *diffs, more]).rstrip("\n")


def _title(report: RunReport) -> str:
    count = count_by_status(report)
    parts = [f"{number} {SHOWN[status]}" for status in SHOWN if (number := count.get(status, 0))]
    failed = sum(bool(host.error) for host in report.hosts.values())
    hosts = f"{len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'}"
    failing = f", **{failed} of them failed**" if failed else ""
    changes = ", ".join(parts) or ("incomplete" if failed else "no changes")
    title = f"### moor {report.command} {report.runbook}: {changes}"
    return f"{title}\n\n{hosts}{failing}; {count.get('ok', 0)} as they should be\n"


def _rows(report: RunReport) -> list[Group]:
    """Return what is not as it should be, each resource, status and diff or error once with its hosts."""
    return grouped(
        (name, (one.id, one.status, _told(one)))
        for name, host in report.hosts.items()
        for one in host.resources
        if one.status != "ok"
    )


def _told(one: ResourceReport) -> str:
    held = f"held: {one.held}" if one.held else ""
    return "\n".join(filter(None, (held, one.error or one.diff)))


def _table(rows: list[Group]) -> Iterator[str]:
    if rows:
        yield "| what | | hosts |\n|---|---|---|"
    for row in rows:
        identity, status, _ = row.shown
        yield f"| {code(identity)} | {SHOWN.get(status, status)} | {code(row.names)} |"


def _diff(row: Group) -> str:
    identity, status, words = row.shown
    kind = "" if status == "failed" else "diff"
    summary = f"<code>{escape(identity)}</code>"
    return f"\n<details><summary>{summary}</summary>\n\n{fenced(words, kind)}\n\n</details>\n"


def _errors(report: RunReport) -> Iterator[str]:
    errors = ((name, (host.error,)) for name, host in report.hosts.items() if host.error)
    for group in grouped(errors, addresses=True):
        yield f"\n**{code(group.names)} failed:**\n\n{fenced(group.shown[0])}"


def _findings(report: RunReport) -> Iterator[str]:
    open_ones = [one for one in report.findings if not one.waived]
    for one in open_ones:
        mend = f"\nmend: {one.remedy}" if one.remedy else ""
        yield f"\n**{code(one.id)}**\n\n{fenced(one.what + mend)}"


def _devices(report: RunReport) -> Iterator[str]:
    told = [f"- {code(name)}: {code(words)}; see {code(command)}" for name, words, command in device_changes(report)]
    if told:
        rest = [f"- and {len(told) - MOST_DEVICES} more"] if len(told) > MOST_DEVICES else []
        yield "\n" + "\n".join(["**Configurations of devices:**\n", *told[:MOST_DEVICES], *rest])


def _warnings(report: RunReport) -> Iterable[str]:
    return (f"\n{fenced(words)}" for words in report.warnings)


def code(text: str) -> str:
    """Return a text of one line as code, whatever letters it has, also within a table."""
    ticks = "`" * (_longest_run(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}".replace("|", "\\|")


def fenced(text: str, kind: str = "") -> str:
    """Return a text as a block of code, whatever it contains."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
