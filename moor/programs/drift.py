"""What a drift check concludes from what its stages have found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nornir.core import Nornir

from moor.context import site_of
from moor.engine.findings import expiry_findings
from moor.engine.measurements import judge_measurements
from moor.history.recording import past_measurements
from moor.programs.windows import note_windows
from moor.run.report import RunReport
from moor.run.waivers import Waiver, apply_waivers


def examine(nr: Nornir, report: RunReport, waivers: Sequence[Waiver]) -> None:
    """Add to a report what ends soon and what grows too fast, and mark what is waived or may not be changed now."""
    settings = site_of(nr)
    report.findings += expiry_findings(report.expiries, settings.expires_within_days)
    if report.measured:
        now = datetime.fromisoformat(report.started)
        report.measured, faults = judge_measurements(report.measured, past_measurements(settings), now)
        report.findings += faults
    apply_waivers(report, list(waivers))
    note_windows(nr, report)
