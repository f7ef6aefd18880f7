"""Former values that are right too until a day, so that a fleet can move slowly: ``until`` beside a section's settings.

containerd:
sandbox_image: registry.example.net/k8s/pause:3.10
until: {day: 2026-12-31, former: {sandbox_image: registry.example.net/k8s/pause:3.9}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce

from nornir.core.inventory import Host

from moor.settings.document import InputFaults, Tree, merge
from moor.settings.section import Section

UNTIL = "until"  # the key of a section
KEYS = ("day", "former")  # below it
FORMER = "moor_former"  # in a host's data; names of sections have no underscore


@dataclass(frozen=True)
class FormerSettings:
    """A section with its former values, which are right until the end of a day, in UTC."""

    day: date
    settings: Section


def without_until(tree: Tree) -> Tree:
    """Return a section's tree without its former values."""
    if UNTIL not in tree.items:
        return tree
    return Tree(tree.source, {key: below for key, below in tree.items.items() if key != UNTIL})


def former_of(trees: Sequence[Tree], faults: InputFaults) -> tuple[date, Tree] | None:
    """Return the day of a section's former values, and these; None without any, or if the day is over.

    Args:
        trees: the section's trees, the nearest first; former values of a nearer one replace all others.
        faults: receives what is wrong.
    """
    written = next((tree.items[UNTIL] for tree in trees if UNTIL in tree.items), None)
    if written is None or written.value is None:
        return None
    day, values = written.items.get("day"), written.items.get("former")
    if day is None or values is None or len(written.items) != len(KEYS):
        faults.add(written.source, "must be a day and the former values: {day: 2026-12-31, former: {KEY: VALUE}}")
        return None
    if not values.items:
        faults.add(values.source, "must be the former values: keys of this section, with values below them")
    try:
        last = date.fromisoformat(str(day.value))
    except ValueError:
        faults.add(day.source, "not a day; write one such as 2026-12-31")
        return None
    return (last, values) if values.items and last >= datetime.now(UTC).date() else None


def over(trees: Sequence[Tree], former: Tree) -> Tree:
    """Return a section's tree with its former values in place of the present ones."""
    return merge(reduce(merge, reversed(trees)), former)


def former_host(host: Host) -> Host | None:
    """Return the host with the former values of its sections; None if it has none."""
    former: Mapping[str, FormerSettings] | None = host.data.get(FORMER)
    if not former:
        return None
    twin = copy(host)
    twin.data = {**host.data, **{name: one.settings for name, one in former.items()}, FORMER: {}}
    return twin


def words_of(host: Host) -> str:
    """Return which former values of a host are right, and until when."""
    former: Mapping[str, FormerSettings] = host.data.get(FORMER) or {}
    return ", ".join(f"the former value of data.{name} is right until {one.day}" for name, one in former.items())
