"""One exchange over an SSH channel: both directions at once, all of it bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event

import paramiko

READ = 256 * 1024
BLOCKED_S = 0.005  # how soon to look again whether the host takes more
IDLE_S = 0.5  # how soon to look again at all; whatever arrives wakes us at once
LINGER_S = 1.0  # a command has ended, but something that it left behind still holds its outputs open


class Overlong(Exception):
    """The host answered more than it may."""


class Overdue(Exception):
    """The host did not come to an end in time."""


class Nudge(Event):
    """Wakes on either output; paramiko's buffers clear an event when one of them is empty, which we do ourselves."""

    def clear(self) -> None:
        """Leave it; ``rest`` clears."""

    def rest(self, timeout_s: float) -> None:
        """Wait for the next nudge."""
        self.wait(timeout_s)
        super().clear()


@dataclass
class Heard:
    """What the host said so far."""

    limit: int
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)

    def take(self, channel: paramiko.Channel) -> bool:
        """Take what is there, and tell whether anything was; raises Overlong."""
        before = len(self.stdout) + len(self.stderr)
        while channel.recv_ready():
            self.stdout += channel.recv(READ)
            self._check()
        while channel.recv_stderr_ready():
            self.stderr += channel.recv_stderr(READ)
            self._check()
        return len(self.stdout) + len(self.stderr) > before

    def _check(self) -> None:
        if len(self.stdout) + len(self.stderr) > self.limit:
            raise Overlong


class Speech:
    """What is still to be said, as far as the host takes it."""

    def __init__(self, channel: paramiko.Channel, words: Iterator[bytes]) -> None:
        self._channel, self._words, self._rest, self.over = channel, words, b"", False

    @property
    def blocked(self) -> bool:
        """Tell whether the host must take something before more is said."""
        return bool(self._rest)

    def say(self) -> bool:
        """Say one piece without waiting, and tell whether the host took any; the end is said as such."""
        if self.over or not self._channel.send_ready():
            return False
        if not self._rest and not self._next():
            return False
        sent = self._channel.send(self._rest)
        self._rest = self._rest[sent:]
        return sent > 0

    def _next(self) -> bool:
        piece = next(self._words, None)
        if piece is None:
            self.over = True
            self._channel.shutdown_write()
        self._rest = piece or b""
        return bool(piece)


def converse(channel: paramiko.Channel, words: Iterator[bytes], heard: Heard, deadline: float) -> int:
    """Say ``words`` and hear the host out; gives the exit status, -1 where there was none.

    deadline  of time.monotonic
    Raises    Overlong, Overdue; OSError or EOFError where the connection broke while something was being said.
    """
    nudge, speech = Nudge(), Speech(channel, words)
    channel.in_buffer.set_event(nudge)
    channel.in_stderr_buffer.set_event(nudge)
    last = time.monotonic()
    while True:
        ended, closed = channel.status_event.is_set(), channel.closed
        moved = heard.take(channel)
        moved = (not ended and not closed and speech.say()) or moved
        now = time.monotonic()
        last = now if moved else last
        if not moved and (closed or (ended and now - last > LINGER_S)):
            return channel.exit_status if channel.status_event.is_set() else -1
        if now > deadline:
            raise Overdue
        if not moved:
            wait_s = BLOCKED_S if speech.blocked else IDLE_S
            nudge.rest(max(0.0, min(wait_s, deadline - now, LINGER_S)))
