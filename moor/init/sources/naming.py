"""Names for hosts that another tool calls in a way that an inventory does not take."""

from __future__ import annotations

import re
from collections.abc import Container

from moor.settings.fleet import NAME


def valid_name(word: str, taken: Container[str] = ()) -> str:
    """Return a name for a host that a source calls ``word``; a number keeps it apart from the names ``taken``."""
    name = word if NAME.fullmatch(word) else re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip("-._") or "host"
    if name not in taken:
        return name
    return next(found for number in range(2, 10**6) if (found := f"{name}-{number}") not in taken)
