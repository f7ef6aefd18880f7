"""Progress of long steps: any module logs it, and the command decides where it is printed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERY_S = 2.0
MB = 1_000_000
LEAST_SHARE = 0.05  # from so much on, what is done tells how long the rest takes
LOGGER = logging.getLogger("moor.progress")
LOGGER.setLevel(logging.INFO)
LOGGER.propagate = False
LOGGER.addHandler(logging.NullHandler())


class _ProgressHandler(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


@contextmanager
def send_progress_to(write: Callable[[str], None]) -> Iterator[None]:
    """Call ``write`` with every line of progress of any thread while the block runs."""
    handler = _ProgressHandler(write)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


@dataclass
class TransferProgress:
    """The progress of a transfer of ``total`` bytes, logged every few seconds: share, rate, time left.

    Attributes:
        before: bytes that were transferred earlier; they count for the share, not for the rate.
    """

    what: str
    total: int
    before: int = 0
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)
    logged: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.logged = self.clock()

    def __call__(self, moved: int) -> None:
        """Note the bytes transferred so far, and log a line when one is due."""
        now = self.clock()
        if now - self.logged >= EVERY_S:
            self.logged = now
            LOGGER.info("%s", self.line(moved, now))

    def line(self, moved: int, now: float) -> str:
        """Return the line to print."""
        rate = moved / max(now - self.started, 0.001)
        left_s = (self.total - self.before - moved) / max(rate, 1)
        share = (self.before + moved) * 100 // max(self.total, 1)
        return (
            f"{self.what}: {share}% of {self.total / MB:.0f} MB, {rate / MB:.1f} MB/s, {format_duration(left_s)} left"
        )


def time_left_s(elapsed_s: float, share: float, expected_s: float = 0.0) -> float:
    """Estimate the seconds that a run has left; 0 where nothing can be said.

    Args:
        elapsed_s: how long it has run.
        share: how much of its work is done, 0 to 1; a step may take much longer than others.
        expected_s: how long such a run has taken before; 0 if that is not known.
    """
    if expected_s > elapsed_s:
        return max(expected_s - elapsed_s, 1.0)
    return max(elapsed_s * (1 - share) / share, 1.0) if LEAST_SHARE <= share < 1 else 0.0


def draw_bar(share: float, width: int = 20) -> str:
    """Draw how much is done, such as ``[#####---------------]``."""
    filled = min(max(int(share * width), 0), width)
    return f"[{'#' * filled}{'-' * (width - filled)}]"


def format_duration(seconds: float) -> str:
    """Format a duration, such as ``3 min 20 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
