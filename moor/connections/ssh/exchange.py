"""One exchange over an SSH channel: both directions at once, all of it bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from moor.errors import Overdue, Overlong

IDLE_S = 0.5  # how soon to look again at all, whatever wakes us before
BURST = 16  # pieces that are said before the host is heard again
LINGER_S = 1.0  # a command has ended, but something that it left behind still holds its outputs open


@dataclass
class Received:
    """What the host said so far."""

    limit: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    def add(self, stdout: bytes = b"", stderr: bytes = b"") -> None:
        """Keep some more; raises Overlong."""
        self.stdout += stdout
        self.stderr += stderr
        if len(self.stdout) + len(self.stderr) > self.limit:
            raise Overlong


class Wire(Protocol):
    """A channel of one of the libraries, none of whose methods waits but ``rest``.

    ``take`` and ``code`` see to all that has arrived.
    """

    def take(self, heard: Received) -> bool:
        """Take what is there, and tell whether anything was; raises Overlong."""

    def ready(self) -> bool:
        """Return whether the host takes anything now."""

    def send(self, piece: bytes) -> int:
        """Send some of it, since the host takes it, and give how many bytes that was."""

    def send_eof(self) -> None:
        """Say that nothing follows."""

    def code(self) -> int | None:
        """Return the exit status once it is known."""

    def closed(self) -> bool:
        """Return whether nothing can follow."""

    def rest(self, timeout_s: float, blocked: bool, over: bool) -> None:
        """Wait for something to arrive, or where we are blocked for the host to take more.

        Args:
            over: all was said: what arrives may wait for more, and only the end is told at once
        """


class Speech:
    """What is still to be said, as far as the host takes it."""

    def __init__(self, wire: Wire, words: Iterator[bytes]) -> None:
        self._wire, self._words, self._rest, self.over = wire, words, b"", False
        self.blocked = False  # the host must take something before more is said

    def say(self) -> bool:
        """Say some of it without waiting, and tell whether the host took any; the end is said as such."""
        said = 0
        for _ in range(BURST):
            sent = self._say_piece()
            said += sent
            if not sent:
                break
        return said > 0

    def _say_piece(self) -> int:
        self.blocked = not self.over and not self._wire.ready()
        if self.over or self.blocked or not (self._rest or self._next()):
            return 0
        sent = self._wire.send(self._rest)
        self._rest = self._rest[sent:]
        return sent

    def _next(self) -> bool:
        piece = next(self._words, None)
        if piece is None:
            self.over = True
            self._wire.send_eof()
        self._rest = piece or b""
        return bool(piece)


def converse(wire: Wire, words: Iterator[bytes], heard: Received, deadline: float) -> int:
    """Send ``words``, read the host's output to its end, and return the exit status; -1 if there was none.

    Args:
        deadline: of time.monotonic

    Raises:
        Overlong: the host's output exceeds the limit.
        Overdue: the deadline has passed.
        Exception: the library's own, if the connection breaks during sending.
    """
    speech, last, closed = Speech(wire, words), time.monotonic(), False
    while True:
        moved = wire.take(heard)
        moved = (not speech.over and not wire.closed() and speech.say()) or moved
        now = time.monotonic()
        if moved:
            last = now
        else:
            code = wire.code()
            if closed or (code is not None and now - last > LINGER_S):
                return -1 if code is None else code
            closed = wire.closed()  # something may have arrived with the end: it is taken before we believe it
        if now > deadline:
            raise Overdue
        if not moved and not closed:
            wire.rest(max(0.0, min(IDLE_S, deadline - now)), speech.blocked, speech.over)
