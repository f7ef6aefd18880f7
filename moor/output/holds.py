"""What is held, as text."""

from __future__ import annotations

from moor.context import HoldOrder
from moor.folding import fold
from moor.output.grouping import grouped
from moor.run.report import RunReport


def render_holds(report: RunReport, order: HoldOrder) -> str:
    """Render each hold once with its hosts, the hosts that failed, and what was done."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, host in report.hosts.items():
        for one in host.resources:
            groups.setdefault((one.id.partition(":")[2], one.held), []).append(name)
    lines = [f"  - {_what(name)}  [{fold(hosts)}]  held: {words}" for (name, words), hosts in groups.items()]
    if order.releases:
        lines = [line.replace("  held: ", "  released: ") for line in lines]
    failed = ((name, (host.error,)) for name, host in report.hosts.items() if host.error)
    errors = [f"  ! {group.names}: {group.shown[0]}" for group in grouped(failed, addresses=True)]
    return "\n".join([*lines, *errors, _sum(report, order, sum(map(len, groups.values())))])


def _what(name: str) -> str:
    return "the whole host" if name == "*" else name


def _sum(report: RunReport, order: HoldOrder, count: int) -> str:
    failed = sum(bool(host.error) for host in report.hosts.values())
    told = f"; {failed} of {len(report.hosts)} host{'' if len(report.hosts) == 1 else 's'} failed" if failed else ""
    number = f"{count} hold{'' if count == 1 else 's'}"
    if failed and failed == len(report.hosts) and not order.until:  # such as of hosts that are not reached
        return f"release: nothing was done{told}" if order.releases else f"hold: nothing is known{told}"
    if order.releases:
        return f"release: {number} ended{told}" if count else f"release: nothing was held{told}"
    if order.until:
        return f"hold: apply leaves this alone; moor release ends it before{told}" if count else f"hold: nothing{told}"
    return f"hold: {number}{told}" if count else f"hold: nothing is held{told}"
