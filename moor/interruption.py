"""Ctrl-C: the run ends at once, and says what was done and what was not."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
LOOK_S = 0.2
AFTER_S = 3.0  # how long what follows may take


@contextmanager
def told_at_interrupt(words: Callable[[], str], after: Callable[[], object] = lambda: None) -> Iterator[None]:
    """End the process with exit code 130 at SIGINT, after printing ``words`` and doing what comes ``after``.

    Threads that wait for hosts are not waited for: a script that has begun on a host ends there by itself, within its
    bound, and one that was not sent whole never begins. A thread of its own takes the signal: a handler runs in the
    main thread, which does not wake for one that arrives just before it begins to wait for the others.
    """
    over = threading.Event()
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # threads that begin from now on inherit it
    watcher = threading.Thread(target=_watch, args=(over, words, after), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _watch(over: threading.Event, words: Callable[[], str], after: Callable[[], object]) -> None:
    while not over.is_set():
        if signal.sigtimedwait({signal.SIGINT}, LOOK_S):
            print(words(), flush=True)
            last = threading.Thread(target=after, daemon=True)  # a database that hangs must not hold up the end
            last.start()
            last.join(AFTER_S)
            sys.stderr.flush()
            os._exit(INTERRUPTED)
