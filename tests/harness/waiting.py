"""Waiting for a condition, with a bound: the one place where a test sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 60  # generous: it says how busy a machine may be, not how long a test takes


def until(ask: Callable[[], T], what: str = "", limit_s: float = LIMIT_S, pause_s: float = 0.05) -> T:
    """Wait until ``ask`` returns something true, and return that.

    Raises:
        AssertionError: it did not within ``limit_s``; ``what`` and the last answer are in the message.
    """
    end = time.monotonic() + limit_s
    while not (found := ask()):
        assert time.monotonic() < end, (
            f"not within {limit_s:g} s: {what or 'the condition'}; the last answer: {found!r}"
        )
        time.sleep(pause_s)
    return found


def eventually(holds: Callable[[], bool], limit_s: float = LIMIT_S, pause_s: float = 0.2) -> bool:
    """Return whether a condition comes true within ``limit_s``."""
    end = time.monotonic() + limit_s
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(pause_s)
    return held


def stays(holds: Callable[[], bool], for_s: float, pause_s: float = 0.1) -> bool:
    """Return whether a condition holds all of the next ``for_s`` seconds, since nothing shows that it will."""
    end = time.monotonic() + for_s
    while holds():
        if time.monotonic() > end:
            return True
        time.sleep(pause_s)
    return False


def next_second() -> None:
    """Wait for the next second of the clock, by which runs are dated and files told apart."""
    began = int(time.time())
    until(lambda: int(time.time()) > began, "the next second", 5, 0.01)


def after(seconds: float) -> None:
    """Let ``seconds`` pass, where the moment itself is what is tried, such as that of a kill."""
    time.sleep(seconds)
