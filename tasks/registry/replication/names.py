"""What moor calls the replication of a registry to its standby in Harbor."""

from __future__ import annotations

OWN = "moor-standby"  # what the names of moor's own rules, endpoints and robot begin with
ROBOT, ON_PUSH, CATCH_UP = f"{OWN}-receiver", f"{OWN}-on-push", f"{OWN}-catch-up"
RULES = (ON_PUSH, CATCH_UP)


def is_own(name: str) -> bool:
    """Return whether moor itself made a rule, endpoint or robot of this name, so that no prune removes it."""
    return name.startswith(OWN)


def endpoint_name(other: str) -> str:
    """Return what Harbor's endpoint for the other registry is called."""
    return f"{OWN}-{other}"
