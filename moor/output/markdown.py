"""A run as Markdown, for a pull request or a ticket: a table of changes, their diffs folded, and what failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from moor.folding import fold
from moor.run.report import RunReport, count_by_status

LONGEST = 60_000  # characters; GitHub refuses a comment of more than 65536
SHOWN = {"drift": "would change", "changed": "changed", "failed": "failed", "skipped": "skipped", "held": "held"}


@dataclass(frozen=True)
class _Row:
    """One resource with the hosts on which the same is said of it."""

    id: str
    status: str
    words: str


def markdown(report: RunReport) -> str:
    """Return the report as Markdown of GitHub and GitLab; long diffs are left out where it would get too long."""
    rows = _rows(report)
    head = "\n".join([_title(report), *_table(rows), *_errors(report), *_findings(report), *_warnings(report)])
    left, diffs = LONGEST - len(head), list[str]()
    for row in rows:
        if row.words and (diff := _diff(row)) and len(diff) < left:
            left -= len(diff)
            diffs.append(diff)
    missing = sum(bool(row.words) for row in rows) - len(diffs)
    more = f"\nToo long to be shown here: the diffs of {missing} more.\n" if missing else ""
    return "".join([head, "\n", *diffs, more]).rstrip("\n")


def _title(report: RunReport) -> str:
    count = count_by_status(report)
    parts = [f"{number} {SHOWN[status]}" for status in SHOWN if (number := count.get(status, 0))]
    failed = sum(bool(host.error) for host in report.hosts.values())
    hosts = f"{len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'}"
    failing = f", **{failed} of them failed**" if failed else ""
    changes = ", ".join(parts) or "no changes"
    title = f"### moor {report.command} {report.runbook}: {changes}"
    return f"{title}\n\n{hosts}{failing}; {count.get('ok', 0)} as they should be\n"


def _rows(report: RunReport) -> dict[_Row, list[str]]:
    rows: dict[_Row, list[str]] = {}
    for name, host in report.hosts.items():
        for one in host.resources:
            if one.status != "ok":
                rows.setdefault(_Row(one.id, one.status, one.error or one.diff), []).append(name)
    return rows


def _table(rows: dict[_Row, list[str]]) -> Iterator[str]:
    if rows:
        yield "| what | | hosts |\n|---|---|---|"
    for row, hosts in rows.items():
        yield f"| {code(row.id)} | {SHOWN.get(row.status, row.status)} | {code(fold(hosts))} |"


def _diff(row: _Row) -> str:
    kind = "" if row.status == "failed" else "diff"
    summary = f"<code>{escape(row.id)}</code>"
    return f"\n<details><summary>{summary}</summary>\n\n{fenced(row.words, kind)}\n\n</details>\n"


def _errors(report: RunReport) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for name, host in report.hosts.items():
        if host.error:
            alike.setdefault(host.error, []).append(name)
    for words, hosts in alike.items():
        yield f"\n**{code(fold(hosts))} failed:**\n\n{fenced(words)}"


def _findings(report: RunReport) -> Iterator[str]:
    open_ones = [one for one in report.findings if not one.waived]
    for one in open_ones:
        mend = f"\nmend: {one.remedy}" if one.remedy else ""
        yield f"\n**{code(one.id)}**\n\n{fenced(one.what + mend)}"


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
