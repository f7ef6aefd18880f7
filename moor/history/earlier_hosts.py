"""The hosts that earlier runs know, by the words ``@failed`` and ``@drifted`` of ``--limit``."""

from __future__ import annotations

from moor.errors import InputError
from moor.settings import SiteSettings
from moor.suggestions import did_you_mean

FAILED, DRIFTED = "@failed", "@drifted"


def earlier_hosts(settings: SiteSettings, called: str, word: str) -> frozenset[str]:
    """Return the hosts on which the last recorded run failed, or those with open findings.

    Args:
        called: what the user wrote the word behind

    Raises:
        InputError: the word is another one, or there is no such host
        HistoryError: the history cannot be read
    """
    from moor.history.database import connected
    from moor.history.reading import History

    if word not in (FAILED, DRIFTED):
        known = (FAILED, DRIFTED)
        raise InputError(
            f"{called}: {word} means no hosts{did_you_mean(word, known)} (there are {' and '.join(known)})"
        )
    with connected(settings, writing=False) as connection:
        history = History(connection)
        if word == DRIFTED:
            found, where = {one.host for one in history.open() if one.host}, "no finding of a host is open (moor drift)"
        else:
            runs = history.runs(limit=1)
            rows = history.hosts(runs[0].run) if runs else []
            found = {row.host for row in rows if row.error or row.counts.get("failed")}
            where = f"no host failed in run {runs[0].run}, the last one" if runs else "no run is recorded"
    if not found:
        raise InputError(f"{called}: {word}: {where}")
    return frozenset(found)
