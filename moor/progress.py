"""Progress of long steps: any floor tells it, whoever runs the steps says where it goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERY_S = 2.0
MB = 1_000_000
LOGGER = logging.getLogger("moor.progress")
LOGGER.setLevel(logging.INFO)
LOGGER.propagate = False
LOGGER.addHandler(logging.NullHandler())


class _ProgressHandler(logging.Handler):
    def __init__(self, told: Callable[[str], None]) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told(record.getMessage())


@contextmanager
def send_progress_to(told: Callable[[str], None]) -> Iterator[None]:
    """Have ``told`` given every line of progress meanwhile, from whatever thread."""
    handler = _ProgressHandler(told)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


@dataclass
class TransferProgress:
    """Tells how far a transfer of ``total`` bytes is, now and then: share, rate, time left.

    Attributes:
        before: bytes that were there already, which count for the share but not for the rate
    """

    what: str
    total: int
    before: int = 0
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    told: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.told = self.clock()

    def __call__(self, moved: int) -> None:
        """Take note of the bytes moved so far."""
        now = self.clock()
        if now - self.told >= EVERY_S:
            self.told = now
            LOGGER.info("%s", self.line(moved, now))

    def line(self, moved: int, now: float) -> str:
        """Return the line for people."""
        rate = moved / max(now - self.began, 0.001)
        left_s = (self.total - self.before - moved) / max(rate, 1)
        share = (self.before + moved) * 100 // max(self.total, 1)
        return (
            f"{self.what}: {share}% of {self.total / MB:.0f} MB, {rate / MB:.1f} MB/s, {format_duration(left_s)} left"
        )


def format_duration(seconds: float) -> str:
    """Write a time as people do."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
