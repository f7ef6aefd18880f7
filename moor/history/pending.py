"""Findings for which a notice is still to be sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from moor.history.connection import as_values
from moor.history.database import connected
from moor.history.model import FindingRow
from moor.history.sql import select
from moor.settings.access import SiteSettings

TO_OPEN = select(
    FindingRow, "findings", "WHERE cleared IS NULL AND waived = '' AND NOT told_open ORDER BY number", ("number",)
)
TO_CLOSE = select(
    FindingRow, "findings", "WHERE cleared IS NOT NULL AND told_open AND NOT told_over ORDER BY number", ("number",)
)
TOLD_OPEN = "UPDATE findings SET told_open = TRUE WHERE number = :number"
TOLD_OVER = "UPDATE findings SET told_over = TRUE WHERE number = :number"


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
    with connected(settings, writing=False) as connection:
        new, over = connection.rows(TO_OPEN), connection.rows(TO_CLOSE)
    numbers = (tuple(row[-1] for row in rows) for rows in (new, over))
    return PendingNotices(tuple(as_values(FindingRow, new)), tuple(as_values(FindingRow, over)), *numbers)


def mark_sent(settings: SiteSettings, sent: PendingNotices) -> None:
    """Record that the notices were sent.

    Raises:
        HistoryError: The database cannot be written.
    """
    with connected(settings, writing=True) as connection:
        connection.run(TOLD_OPEN, _keys(sent.new_numbers))
        connection.run(TOLD_OVER, _keys(sent.over_numbers))


def _keys(numbers: Iterable[int]) -> list[dict[str, int]]:
    return [{"number": number} for number in numbers]
