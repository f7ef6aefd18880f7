"""Ctrl-C: the run ends at once, and says what was done and what was not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


@contextmanager
def told_at_interrupt(words: Callable[[], str]) -> Iterator[None]:
    """End the process with exit code 130 at SIGINT, after printing ``words``.

    Threads that wait for hosts are not waited for: a script that has begun on a host ends there by itself, within its
    bound, and one that was not sent whole never begins.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread alone
        return

    def stop(number: int, frame: FrameType | None) -> None:
        print(words(), flush=True)
        sys.stderr.flush()
        os._exit(INTERRUPTED)

    former = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
