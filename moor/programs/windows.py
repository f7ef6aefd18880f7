"""Which hosts of a report may not be changed now."""

from __future__ import annotations

from datetime import UTC, datetime

from nornir.core import Nornir

from moor.run.report import RunReport
from moor.run.rolling.windows import next_window


def note_windows(nr: Nornir, report: RunReport) -> None:
    """Note in a report which hosts with changes may not be changed now, and when they may."""
    now = datetime.now(UTC)
    for name, host in report.hosts.items():
        if name in nr.inventory.hosts and host.count("drift"):
            host.window = next_window(nr.inventory.hosts[name], now)
