"""What a command said on many hosts, as text: equal answers once, under the folded names of their hosts."""

from __future__ import annotations

import re
from textwrap import indent

from moor.engine.command_answers import CommandAnswer
from moor.folding import fold
from moor.run.report import RunReport

BLOCK = " " * 6
OWN_ADDRESS = re.compile(r"^\S+:\d+: ")  # which differs from host to host where the rest of an error is the same


def render_answers(report: RunReport, kept: bool) -> str:
    """Render equal answers once, exit code 0 first, then the hosts that gave none, then the counts.

    Args:
        report: of the run.
        kept: whether the run is in history.
    """
    groups: dict[CommandAnswer, list[str]] = {}
    for name, host in report.hosts.items():
        if host.answer and not host.error:
            groups.setdefault(host.answer, []).append(name)
    ordered = sorted(groups.items(), key=lambda pair: (pair[0].exit_code != 0, -len(pair[1])))
    blocks = [_block(answer, hosts) for answer, hosts in ordered]
    return "\n".join([*blocks, *_failed(report), _sum(report, kept)])


def _block(answer: CommandAnswer, hosts: list[str]) -> str:
    sign = "!" if answer.exit_code else "+"
    return "\n".join([f"  {sign} exit code {answer.exit_code}  [{fold(hosts)}]", *_said(answer)])


def _said(answer: CommandAnswer | None) -> list[str]:
    return [f"{BLOCK}{line}" for line in answer.lines()] if answer else []


def _failed(report: RunReport) -> list[str]:
    """Return why hosts gave no answer, with the kind, and what a command said that did not end."""
    groups: dict[tuple[str, CommandAnswer | None], list[str]] = {}
    for name, host in report.hosts.items():
        if host.error:
            words = f"{host.error} ({host.error_kind})" if host.error_kind else host.error
            groups.setdefault((OWN_ADDRESS.sub("", words), host.answer), []).append(name)
    return [
        "\n".join([f"  ! {fold(hosts)}: {indent(words, BLOCK).strip()}", *_said(answer)])
        for (words, answer), hosts in groups.items()
    ]


def _sum(report: RunReport, kept: bool) -> str:
    hosts = report.hosts.values()
    codes = [host.answer.exit_code for host in hosts if host.answer and not host.error]
    failed, other = sum(bool(host.error) for host in hosts), sum(code != 0 for code in codes)
    words = [f"exit code 0 on {len(codes) - other} of {len(report.hosts)} host{'s' * (len(report.hosts) != 1)}"]
    words += [f"another on {other}"] if other else []
    words += [f"{failed} failed"] if failed else []
    return f"run: {', '.join(words)}" + (f"; moor history {report.run} keeps the answers" if kept else "")
