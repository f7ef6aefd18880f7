"""The fields of an access list's state that say what a change does to packets; a plan without devices needs no more."""

from __future__ import annotations

from collections.abc import Mapping

from moor.resources.base import Value

# Fields of a list's state: what a plan shows, then what only reading knows.
WAYS, FLOWS = "ways of the fleet", "flows that change"
WAYS_AFTER, CHANGED, CUT = "ways after the change", "what the change does", "what the change cuts"


def planned_effect(actual: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields by which a plan shows what the change does: the ways of the fleet, and everybody's flows."""
    shown = {WAYS: actual.get(WAYS_AFTER, ""), FLOWS: actual.get(CHANGED, "")}
    return {key: text for key, text in shown.items() if text}
