"""Names of hosts, folded where they are many: node[1-500]."""

from __future__ import annotations

import re
from collections.abc import Collection

FEW = 6  # so many names are read at a glance
LAST_NUMBER = re.compile(r"([^][,!@=*?\s]*?)([0-9]+)([^][,!@=*?\s0-9]*)")  # and nothing that a limit reads otherwise


def fold(names: Collection[str], by: str = " ") -> str:
    """Return names, ranges folded if they are many.

    The last number of a name counts: ClusterShell's folding over all numbers of a name takes seconds for addresses.

    Args:
        names: of hosts.
        by: what parts them; by commas, ``--limit`` takes them.
    """
    if len(names) <= FEW:
        return by.join(names)
    from ClusterShell.RangeSet import RangeSet

    groups: dict[tuple[str, str | None], list[str]] = {}
    for name in names:
        parts = LAST_NUMBER.fullmatch(name)
        groups.setdefault((parts[1], parts[3]) if parts else (name, None), []).append(parts[2] if parts else "")
    folded = []
    for (before, behind), numbers in groups.items():
        middle = f"[{RangeSet.fromlist(numbers)}]" if len(numbers) > 1 else numbers[0]
        folded.append(f"{before}{middle}{behind or ''}")
    return by.join(folded)
