"""What moor needs of a host and cannot give it: met, or said with a remedy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from moor.errors import ErrorKind, HostError
from moor.resources.base import Required, State


@dataclass(frozen=True)
class Requirement(Required):
    """Hold what ``fragment`` reads and ``judge`` finds good.

    Attributes:
        judge: pure: the fragment's output to what is wrong and what to do about it; empty where all is well
    """

    name: str
    fragment: str
    judge: Callable[[str], str] = field(compare=False)
    error_kind: ErrorKind = field(default=ErrorKind.UNMET, compare=False)

    @property
    def id(self) -> str:
        return f"requirement:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"met": "yes"}

    def probe(self) -> str:
        return self.fragment

    def actual(self, output: str) -> State | None:
        return {"met": self.judge(output) or "yes"}

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))


@dataclass(frozen=True)
class Clock(Required):
    """Hold a clock within ``skew_s`` of the controller's, however long reading the host takes."""

    skew_s: int = 60

    @property
    def id(self) -> str:
        return "requirement:clock"

    def desired(self, actual: State | None) -> State:
        return {"met": "yes"}

    def probe(self) -> str:
        return f"date -u +{int(time.time())}:%s"  # the controller's time before, to be told from its time after

    def actual(self, output: str) -> State | None:
        before, _, there = output.strip().partition(":")
        try:
            wrong = skew(int(there), int(before), int(time.time()), self.skew_s)
        except ValueError:
            raise HostError(f"{self.id}: the host gave its time as {output.strip()[:80]!r}", ErrorKind.ANSWER) from None
        return {"met": wrong or "yes"}

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))


def skew(there: int, before: int, after: int, allowed_s: int) -> str:
    """Return how far the host's clock is off, given the controller's time before and after it was read; in seconds."""
    off = there - after if there > after else min(there - before, 0)
    if abs(off) <= allowed_s:
        return ""
    way = "ahead of" if off > 0 else "behind"
    return (
        f"its clock is {abs(off)} s {way} the controller's, so certificates look not yet valid or expired; "
        "set both by NTP (timedatectl set-ntp true)"
    )
