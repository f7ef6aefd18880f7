"""How long pulls fail while Harbor is down: the controller asks all the while for what a pull asks for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from moor.progress import format_duration

PAUSE_S = 0.3


@dataclass
class Outage:
    """What was asked so far.

    Attributes:
        failed_at: when the first request failed, in seconds of a monotonic clock; None if none did.
        answered_at: when the first request after the last failed one succeeded; None if none did yet.
        asked: how many requests there were.
        failures: how many of them failed.
    """

    failed_at: float | None = None
    answered_at: float | None = None
    asked: int = 0
    failures: int = 0
    last_good: float = field(default_factory=time.monotonic)

    def note(self, good: bool, began: float, ended: float) -> None:
        """Note one request."""
        self.asked += 1
        if not good:
            self.failures += 1
            self.failed_at = self.last_good if self.failed_at is None else self.failed_at
            self.answered_at = None
        elif self.failed_at is not None and self.answered_at is None:
            self.answered_at = ended
        if good:
            self.last_good = began

    @property
    def seconds(self) -> float:
        """Return how long pulls failed at most: from the last that worked to the first that worked again."""
        if self.failed_at is None:
            return 0.0
        return (self.answered_at or time.monotonic()) - self.failed_at

    @property
    def text(self) -> str:
        """Return it in words."""
        if not self.failures:
            return f"no pull failed ({self.asked} tried)"
        if self.answered_at is None:
            return f"pulls have failed for {format_duration(self.seconds)}, and still do"
        return f"pulls failed for {format_duration(self.seconds)} ({self.failures} of {self.asked} tried)"


@contextmanager
def watch(pull: Callable[[], bool]) -> Iterator[Outage]:
    """Try ``pull`` again and again in a thread while the block runs; the yielded value says how it went.

    Args:
        pull: returns whether a pull would work; it raises nothing.
    """
    outage, ended = Outage(), threading.Event()

    def ask() -> None:
        while not ended.is_set():
            began = time.monotonic()
            outage.note(pull(), began, time.monotonic())
            ended.wait(PAUSE_S)

    thread = threading.Thread(target=ask, name="moor-outage", daemon=True)
    thread.start()
    try:
        yield outage
    finally:
        ended.set()
        thread.join()


def settle(outage: Outage, seconds: float) -> None:
    """Wait until a pull works again, at most so long."""
    end = time.monotonic() + seconds
    asked = outage.asked
    while time.monotonic() < end and (outage.asked == asked or (outage.failures and outage.answered_at is None)):
        time.sleep(PAUSE_S)
