"""Words and names of things on the page: lengths of time, anchors, sorting, hosts."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from hashlib import sha256

from moor.folding import fold

UNITS = (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60))


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit, such as ``3 hours``."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in UNITS:
        if seconds >= size * (2 if unit == "year" else 1):
            return many(seconds // size, unit)
    return "a moment"


def many(number: int, word: str) -> str:
    """Return a number with its word, such as ``3 hours``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def anchor(kind: str, name: str) -> str:
    """Return the anchor of a thing: the same on every page that has it, whatever else is there.

    The digest keeps names apart that differ in punctuation only.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-")
    return f"{kind}-{plain}-{sha256(name.encode()).hexdigest()[:6]}"


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts node2 before node10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def folded(hosts: Collection[str]) -> str:
    """Return names of hosts as people read them, many as ``node[1-500]``."""
    return fold(sorted(hosts, key=natural))


def limit(hosts: Collection[str]) -> str:
    """Return names of hosts as ``--limit`` takes them."""
    return folded(hosts).replace(" ", ",")
