"""Standard error while a command runs: lines that stay, and on a terminal one line below them that is drawn anew."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from moor.engine.plan import printable
from moor.output import paint
from moor.progress import format_duration

SILENT_S = 1.0  # how long the last words of an interrupted run wait for a line being printed
LONG_S, TICK_S = 2.0, 0.5  # until something counts as long; between two drawings
CLEAR = "\r\x1b[K"  # to the left edge, and clear the line
_lock = threading.Lock()  # held while something is printed


class Screen:
    """Where progress is printed.

    Attributes:
        animated: whether the line below the others may be drawn: on a terminal that can.
    """

    def __init__(self, quiet: bool = False, animated: bool = True) -> None:
        self._quiet = quiet
        self._status = ""
        can = paint.is_terminal(sys.stderr) and os.environ.get("TERM", "") not in ("", "dumb")
        self.animated = animated and can and not quiet

    def line(self, words: str) -> None:
        """Print a line that stays."""
        if not self._quiet:
            with _lock:
                self._print(f"{self._cleared()}{paint.painted(printable(words), sys.stderr)}\n{self._drawn()}")

    def status(self, words: str) -> None:
        """Draw the last line anew; empty removes it."""
        if self.animated:
            columns = paint.columns_of(sys.stderr)
            with _lock:
                before, self._status = self._cleared(), printable(words)[: max(columns - 1, 0)]
                self._print(before + self._drawn())

    def _cleared(self) -> str:
        return CLEAR if self._status else ""

    def _drawn(self) -> str:
        return paint.painted_words(self._status, paint.DIM, sys.stderr)

    def _print(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def asking() -> Iterator[None]:
    """Leave the terminal to a question while the block runs: nobody else prints."""
    with _lock:
        if paint.is_terminal(sys.stderr):
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
        yield


@contextmanager
def working(words: str, quiet: bool = False) -> Iterator[None]:
    """Tell what takes long while the block runs, if it does: how long it has taken, on a terminal drawn anew."""
    screen, ended = Screen(quiet), threading.Event()
    began = time.monotonic()

    def tick() -> None:
        if not (ended.wait(LONG_S) or screen.animated):
            screen.line(words)
        while not ended.wait(TICK_S):
            screen.status(f"{words}: {format_duration(time.monotonic() - began)} so far")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        screen.status("")


def silence() -> None:
    """Let nobody print on standard error any more, for the last words of an interrupted run."""
    if _lock.acquire(timeout=SILENT_S) and paint.is_terminal(sys.stderr):
        sys.stderr.write(CLEAR)
        sys.stderr.flush()
