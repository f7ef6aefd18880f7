"""What is not as it should be, in one shape, whether a host's resource shows it or only the fleet as a whole does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FindingState = Literal["drift", "failed", "unexamined", "finding"]


@dataclass
class Finding:
    """One thing that is not as it should be.

    id          ``kind:name`` as a resource's; with ``host`` it is the same in every run that finds it
    what        one sentence, or a resource's diff; never a secret
    remedy      a command, where there is one
    host        empty where it concerns the whole fleet
    state       ``unexamined``: nobody knows, since it could not be read
    survey      the survey that found it; empty for a host's own resource
    waived      reason, owner and expiry of the waiver that covers it; empty where none does
    first_seen  ISO 8601, UTC, from history; empty where history does not know
    """

    id: str
    what: str
    remedy: str = ""
    host: str = ""
    state: FindingState = "finding"
    survey: str = ""
    waived: str = ""
    first_seen: str = ""


@dataclass(frozen=True)
class Expiry:
    """Something that ends by itself: a certificate, a robot account.

    id       ``certificate:served``, ``robot:demo+puller``
    expires  ISO 8601, UTC
    what     whose it is, for people
    host     empty where it concerns the whole fleet
    remedy   what renews it
    """

    id: str
    expires: str
    what: str
    host: str = ""
    remedy: str = ""
