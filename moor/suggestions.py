"""Suggestions for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the closest known word, in either case; empty if none is close."""
    by_small = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(word.casefold(), by_small, n=1)
    return f"; did you mean {by_small[close[0]]}?" if close else ""
