"""Ctrl-C, and SIGTERM the same way: the run ends at once, and says what was done and what was not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
SIGNALS = (signal.SIGINT, signal.SIGTERM)
AFTER_S = 4.0  # how long what follows may take


@contextmanager
def told_at_interrupt(words: Callable[[], str], after: Callable[[], object] = lambda: None) -> Iterator[None]:
    """End the process with exit code 130 at a signal, after printing ``words`` and doing what comes ``after``.

    Threads that wait for hosts are not waited for: a script that has begun on a host ends there by itself, within its
    bound, and one that was not sent whole never begins. A thread of its own hears of the signal by Python's wakeup
    pipe: a handler runs in the main thread, which does not wake for a signal that arrives just before it begins to
    wait for the others.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    former = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    pipe = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(heard, words, after), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(told)
        watcher.join()
        os.close(heard)


def _watch(heard: int, words: Callable[[], str], after: Callable[[], object]) -> None:
    """Read the numbers of signals until the pipe is closed."""
    while number := os.read(heard, 1):
        if number[0] in SIGNALS:
            print(words(), flush=True)
            last = threading.Thread(target=after, daemon=True)  # a database that hangs must not hold up the end
            last.start()
            last.join(AFTER_S)
            sys.stderr.flush()
            os._exit(INTERRUPTED)
