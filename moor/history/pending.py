"""Findings for which a notice is still to be sent."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from moor.history.database import connected
from moor.history.model import FindingRow
from moor.history.reading import finding
from moor.history.tables import findings
from moor.settings.access import SiteSettings


@dataclass(frozen=True)
class PendingNotices:
    """Findings that are open or over and were not announced yet, with their numbers in the database."""

    new: tuple[FindingRow, ...] = ()
    over: tuple[FindingRow, ...] = ()
    new_numbers: tuple[int, ...] = ()
    over_numbers: tuple[int, ...] = ()


def pending_notices(settings: SiteSettings) -> PendingNotices:
    """Return the findings to announce; one that is over counts only where its opening was announced.

    Raises:
        HistoryError: The database cannot be read.
    """
    opened = findings.c.cleared.is_(None) & (findings.c.waived == "") & ~findings.c.told_open
    closed = findings.c.cleared.is_not(None) & findings.c.told_open & ~findings.c.told_over
    with connected(settings, writing=False) as connection:
        new = connection.execute(select(findings).where(opened).order_by(findings.c.number)).all()
        over = connection.execute(select(findings).where(closed).order_by(findings.c.number)).all()
    numbers = (tuple(row.number for row in rows) for rows in (new, over))
    return PendingNotices(tuple(map(finding, new)), tuple(map(finding, over)), *numbers)


def mark_sent(settings: SiteSettings, sent: PendingNotices) -> None:
    """Record that the notices were sent.

    Raises:
        HistoryError: The database cannot be written.
    """
    with connected(settings, writing=True) as connection:
        number = findings.c.number
        connection.execute(update(findings).where(number.in_(sent.new_numbers)).values(told_open=True))
        connection.execute(update(findings).where(number.in_(sent.over_numbers)).values(told_over=True))
