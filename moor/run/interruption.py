"""How a run ends at Ctrl-C, SIGTERM or a closed terminal: it reports what was done and what was not."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

INTERRUPTED = 130  # exit code: 128 plus the number of SIGINT, as in shells
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHUTDOWN_S = 4.0  # for the last output and for the record in history


def handled_signals() -> list[signal.Signals]:
    """Return the signals that end a run: all but those that this process was started to ignore.

    nohup ignores SIGHUP; a shell without job control ignores SIGINT for background processes.
    """
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def stop_instruction() -> str:
    """Return how to end a command that runs until it is stopped, as words for the user."""
    return "Ctrl-C ends" if signal.SIGINT in handled_signals() else f"Ctrl-C is ignored here; kill {os.getpid()} ends"


def raise_on_signals() -> None:
    """Raise KeyboardInterrupt at every signal that ends a run, as Ctrl-C does."""
    for number in handled_signals():
        signal.signal(number, signal.default_int_handler)


@contextmanager
def report_on_interrupt(words: Callable[[], str], after: Callable[[], object] = lambda: None) -> Iterator[None]:
    """End the process at a signal with exit code 130, after it prints ``words`` and calls ``after``.

    Threads that wait for hosts are not joined: a script that has started on a host runs to its end there, within its
    timeout, and a script that was not sent completely never starts. Further signals are ignored, so that an impatient
    Ctrl-C does not lose the record. A thread waits for the signal on Python's wakeup pipe: a handler would run in the
    main thread, which does not wake for a signal that arrives just before it begins to wait for other threads.

    Args:
        words: returns the last output; it must also keep further tasks from starting.
        after: records the run.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    former = {number: signal.signal(number, lambda *_: None) for number in handled_signals()}
    pipe = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(readable, words, after), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe)
        for number, handler in former.items():
            signal.signal(number, handler)
        os.close(writable)
        watcher.join()
        os.close(readable)


def _watch(readable: int, words: Callable[[], str], after: Callable[[], object]) -> None:
    """Wait for signals until the pipe is closed, and end the process at the first that counts."""
    while number := os.read(readable, 1):
        if number[0] in SIGNALS:
            try:
                _end(words(), after)
            finally:
                os._exit(INTERRUPTED)


def _end(text: str, after: Callable[[], object]) -> None:
    """Print the last output and record the run in parallel, so that a blocked pipe or database delays neither."""
    deadline = time.monotonic() + SHUTDOWN_S
    last = [threading.Thread(target=work, daemon=True) for work in (lambda: _print(text), after)]
    for thread in last:
        thread.start()
    for thread in last:
        thread.join(max(0.0, deadline - time.monotonic()))
    if last[1].is_alive():
        with suppress(OSError, ValueError):
            print(f"moor: not all of this was recorded within {SHUTDOWN_S:g} s", file=sys.stderr, flush=True)


def _print(text: str) -> None:
    with suppress(OSError, ValueError):  # the terminal or the reader of the pipe is gone
        print(text, flush=True)


def finish_despite_signal(work: Callable[[], object]) -> None:
    """Run ``work`` to its end even if a signal arrives, and raise KeyboardInterrupt afterwards."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        thread.join(SHUTDOWN_S)
        raise
    if failed:
        raise failed[0]
