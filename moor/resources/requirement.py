"""Requirements: what moor needs of a host and cannot mend, reported with a remedy if it is not met."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from moor.errors import ErrorKind, HostError
from moor.resources.base import Required, State


@dataclass(frozen=True)
class Requirement(Required):
    """A requirement that a sh fragment reads and a function judges.

    Attributes:
        judge: a pure function from the fragment's output to the problem and its remedy; empty if it is met.
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
    """A clock within ``skew_s`` seconds of the controller's, however long it takes to read the host.

    Attributes:
        remedy_words: what to do on this host if it is not
    """

    skew_s: int = 60
    remedy_words: str = "have an NTP service set both (timedatectl set-ntp true)"
    varies: ClassVar[bool] = True

    @property
    def id(self) -> str:
        return "requirement:clock"

    def desired(self, actual: State | None) -> State:
        return {"met": "yes"}

    def probe(self) -> str:
        # the controller's time before the read, which ``actual`` compares with its time after
        return f"date -u +{int(time.time())}:%s"

    def actual(self, output: str) -> State | None:
        before, _, on_host = output.strip().partition(":")
        try:
            wrong = explain_skew(int(on_host), int(before), int(time.time()), self.skew_s)
            wrong = f"{wrong}; {self.remedy_words}" if wrong else ""
        except ValueError:
            words = f"{self.id}: cannot read the host's answer: {output.strip()[:80]!r}"
            raise HostError(words, ErrorKind.ANSWER) from None
        return {"met": wrong or "yes"}

    def remedy(self, actual: State | None) -> str:
        return str((actual or {}).get("met", "not known"))


def explain_skew(on_host: int, before: int, after: int, allowed_s: int) -> str:
    """Return how far the host's clock is off, and what follows from that; empty if it is within ``allowed_s``.

    Args:
        on_host: the host's time, in seconds since 1970, as are the others.
        before: the controller's time before the host's was read.
        after: the controller's time after that.
        allowed_s: the largest difference allowed.
    """
    off = on_host - after if on_host > after else min(on_host - before, 0)
    if abs(off) <= allowed_s:
        return ""
    way = "ahead of" if off > 0 else "behind"
    return f"its clock is {abs(off)} s {way} the controller's, so certificates look not yet valid or expired"
