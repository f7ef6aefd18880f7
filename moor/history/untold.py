"""What people have not been told yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from moor.history.database import connected
from moor.history.model import FindingRow
from moor.history.reading import finding
from moor.history.tables import findings
from moor.settings.access import SiteSettings


@dataclass(frozen=True)
class Untold:
    """Findings that are open and findings that are over, of which nobody was told, and their numbers."""

    new: tuple[FindingRow, ...] = ()
    over: tuple[FindingRow, ...] = ()
    new_numbers: tuple[int, ...] = ()
    over_numbers: tuple[int, ...] = ()


def untold(settings: SiteSettings) -> Untold:
    """Return what is to be told; what is over counts only where people know that it was open. Raises HistoryError."""
    opened = findings.c.cleared.is_(None) & (findings.c.waived == "") & ~findings.c.told_open
    closed = findings.c.cleared.is_not(None) & findings.c.told_open & ~findings.c.told_over
    with connected(settings, writing=False) as connection:
        new = connection.execute(select(findings).where(opened).order_by(findings.c.number)).all()
        over = connection.execute(select(findings).where(closed).order_by(findings.c.number)).all()
    numbers = (tuple(row.number for row in rows) for rows in (new, over))
    return Untold(tuple(map(finding, new)), tuple(map(finding, over)), *numbers)


def mark_told(settings: SiteSettings, told: Untold) -> None:
    """Remember that people know; raises HistoryError."""
    with connected(settings, writing=True) as connection:
        number = findings.c.number
        connection.execute(update(findings).where(number.in_(told.new_numbers)).values(told_open=True))
        connection.execute(update(findings).where(number.in_(told.over_numbers)).values(told_over=True))
