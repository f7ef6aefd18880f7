"""One value that a host says of itself or of the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One proposed value, and where it was read.

    Attributes:
        key: its place below the entry of a host, a group or the defaults
        whole_fleet: whether it says something of the fleet, and so belongs into the defaults
        shared: whether hosts usually have it in common, so that what all of a group say belongs to that
    """

    key: tuple[str, ...]
    value: Any
    source: str
    whole_fleet: bool = False
    shared: bool = False
