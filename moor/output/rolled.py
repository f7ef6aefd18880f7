"""How far a roll-out came, and which hosts wait for their maintenance windows, as text."""

from __future__ import annotations

from collections.abc import Iterator

from moor.folding import fold
from moor.run.report import LEFT, HostReport, RunReport


def is_left(report: RunReport, host: HostReport) -> bool:
    """Return whether a roll-out left a host as it is, which ``left`` and ``stopped`` tell."""
    return host.skipped and (host.error.startswith(LEFT) or bool(report.stopped and report.stopped in host.error))


def left(report: RunReport) -> Iterator[str]:
    """Yield the hosts that were left as they are, those with the same reason in one line."""
    alike: dict[str, list[str]] = {}
    for name, host in report.hosts.items():
        if is_left(report, host) and not (report.stopped and report.stopped in host.error):
            alike.setdefault(host.error, []).append(name)
    yield from (f"  - {fold(names)}: {words}" for words, names in alike.items())


def waiting(report: RunReport) -> Iterator[str]:
    """Yield the hosts that differ and may not be changed before their next maintenance window."""
    alike: dict[str, list[str]] = {}
    for name, host in report.hosts.items():
        if host.window:
            alike.setdefault(host.window, []).append(name)
    for window, names in alike.items():
        yield f"  - {fold(names)}: to be changed in the next maintenance window, {window}"


def stopped(report: RunReport) -> str:
    """Return how far a roll-out came before it stopped, and the command that goes on."""
    hosts = report.hosts.items()
    parts = {
        "done": [name for name, host in hosts if not host.error],
        "failed": [name for name, host in hosts if host.error and not host.skipped],
        "left": [name for name, host in hosts if host.skipped],
    }
    told = "".join(f"\n  {word:<7} {fold(names)}" for word, names in parts.items() if names)
    on = f"\ngo on by: {report.go_on}\n  (what is done there stays as it is; run {report.run})" if report.go_on else ""
    return f"\n{report.stopped}{told}{on}"
