"""Ctrl-C, and SIGTERM or a closed terminal the same way: the run ends, and says what was done and what was not."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHUTDOWN_S = 4.0  # how long what follows may take


def handled_signals() -> list[signal.Signals]:
    """List the signals that end a run: all but those that whoever started this process had ignored.

    nohup does so with SIGHUP, and a shell without job control with SIGINT of what it starts in the background.
    """
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def stop_instruction() -> str:
    """Return what ends a command that goes on and on."""
    return "Ctrl-C ends" if signal.SIGINT in handled_signals() else f"Ctrl-C is ignored here; kill {os.getpid()} ends"


def raise_on_signals() -> None:
    """Have every signal that is heeded raise KeyboardInterrupt, as Ctrl-C does."""
    for number in handled_signals():
        signal.signal(number, signal.default_int_handler)


@contextmanager
def report_on_interrupt(words: Callable[[], str], after: Callable[[], object] = lambda: None) -> Iterator[None]:
    """End the process with exit code 130 at a signal, after printing ``words`` and doing what comes ``after``.

    Whoever gives ``words`` sees to it that nothing begins any more from then on. Threads that wait for hosts are not
    waited for: a script that has begun on a host ends there by itself, within its bound, and one that was not sent
    whole never begins. Further signals change nothing, so that an impatient Ctrl-C does not cost the record. A thread
    of its own hears of the signal by Python's wakeup pipe: a handler runs in the main thread, which does not wake for
    a signal that arrives just before it begins to wait for the others.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    former = {number: signal.signal(number, lambda *_: None) for number in handled_signals()}
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
            try:
                _end(words(), after)
            finally:
                os._exit(INTERRUPTED)


def _end(said: str, after: Callable[[], object]) -> None:
    """Print and do what comes after, side by side: neither a pipe that nobody reads nor a database may hold it up."""
    deadline = time.monotonic() + SHUTDOWN_S
    last = [threading.Thread(target=work, daemon=True) for work in (lambda: _print(said), after)]
    for thread in last:
        thread.start()
    for thread in last:
        thread.join(max(0.0, deadline - time.monotonic()))
    if last[1].is_alive():
        with suppress(OSError, ValueError):
            print(f"moor: not all of this was recorded within {SHUTDOWN_S:g} s", file=sys.stderr, flush=True)


def _print(said: str) -> None:
    with suppress(OSError, ValueError):  # the terminal is closed, or who read our output has gone
        print(said, flush=True)


def finish_despite_signal(work: Callable[[], object]) -> None:
    """Do something to its end though a signal comes, which counts afterwards; a second one does not wait."""
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
