"""The exchange of data over one SSH channel: input and output at the same time, within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from moor.connections.ssh.steps import Steps, Wait
from moor.errors import CommandTimeout, OutputTooLong

IDLE_S = 0.5  # the longest wait before the channel is checked again, even if nothing has arrived
BURST = 16  # pieces of input that are sent before output is read again
Sink = Callable[[bytes], object]  # takes standard output as it arrives; what it raises is none of the library's errors
STATUS_DIGITS = 4  # of an exit status and the newline after it
SLICE = 16  # times that something is moved without a pause, before other hosts of the same loop have their turn
LINGER_S = 1.0  # how long to read on after the command's end, if a process it left behind keeps its outputs open


@dataclass
class ChannelOutput:
    """What has arrived on a channel so far.

    Attributes:
        limit: bounds both outputs together, in bytes.
        end_mark: what the command's end is announced by on standard error, before its exit status and a newline.
        status: the exit status that was announced; None so far. libssh 0.11.3 has been seen to give 0 for a command
            that still ran, and not every library tells a killed command from one that succeeded. So where an end is
            announced, nothing else ends the wait but the end of the channel.
        sink: takes standard output from ``begin_mark`` on, which is then neither kept nor counted; None keeps all.
        begin_mark: what the command's own standard output is announced by.
    """

    limit: int
    end_mark: bytes = b""
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    status: int | None = None
    sink: Sink | None = None
    begin_mark: bytes = b""
    has_begun: bool = False

    def add(self, stdout: bytes = b"", stderr: bytes = b"") -> None:
        """Append what has arrived, or pass it on; raises OutputTooLong if the limit is exceeded."""
        if self.sink and self.has_begun:
            self._pass_on(self.sink, stdout)
        elif stdout:
            self.stdout += stdout
            self._look_for_begin()
        if stderr:
            seen = max(0, len(self.stderr) - len(self.end_mark) - STATUS_DIGITS)
            self.stderr += stderr
            self._look_for_end(seen)
        if len(self.stdout) + len(self.stderr) > self.limit:
            raise OutputTooLong

    def _look_for_begin(self) -> None:
        """Pass on what stands after the mark of the command's own output, once that has arrived."""
        at = self.stdout.find(self.begin_mark) if self.sink else -1
        if self.sink and at >= 0:
            end = at + len(self.begin_mark)
            own = bytes(self.stdout[end:])
            del self.stdout[end:]
            self.has_begun = True
            self._pass_on(self.sink, own)

    def _pass_on(self, sink: Sink, stdout: bytes) -> None:
        if stdout:
            sink(stdout)

    def _look_for_end(self, begin: int) -> None:
        """Cut the announcement of the command's end out of standard error, and keep its exit status."""
        at = self.stderr.find(self.end_mark, begin) if self.end_mark else -1
        end = self.stderr.find(b"\n", at + len(self.end_mark)) if at >= 0 else -1
        if end >= 0:
            self.status = int(self.stderr[at + len(self.end_mark) : end])
            del self.stderr[at : end + 1]


class ExecChannel(Protocol):
    """A channel that runs one command, in any SSH library. Only ``wait`` may block.

    ``receive`` and ``exit_status`` take in everything that has arrived.
    """

    def receive(self, output: ChannelOutput) -> bool:
        """Move what has arrived to ``output`` and return whether there was anything; raises OutputTooLong."""

    def is_writable(self) -> bool:
        """Return whether the host accepts input now."""

    def send(self, piece: bytes) -> int:
        """Send as much of ``piece`` as the host accepts, and return the number of bytes."""

    def send_eof(self) -> None:
        """Close the command's standard input."""

    def exit_status(self) -> int | None:
        """Return the exit status, None until it is known."""

    def is_closed(self) -> bool:
        """Return whether the channel is closed, so that nothing more can arrive."""

    def wait(self, until: float, for_write: bool, input_done: bool) -> Wait | None:
        """Return what to wait for: output, or that the host accepts input if ``for_write``.

        A library whose own thread reads the socket waits right here, and returns None.

        Args:
            until: a time of ``time.monotonic``.
            input_done: all input has been sent, so that output may be left to collect; only the end of the command has
                to wake the caller at once.
        """


class InputWriter:
    """The writer of a command's standard input, as far as the host accepts it.

    Attributes:
        is_done: all input and its end have been sent.
        is_blocked: the host has to accept input before more can be sent.
    """

    def __init__(self, channel: ExecChannel, pieces: Iterator[bytes]) -> None:
        self._channel, self._pieces, self._unsent = channel, pieces, b""
        self.is_done = self.is_blocked = False

    def write(self) -> bool:
        """Send a burst of input without blocking, and return whether the host accepted any."""
        total = 0
        for _ in range(BURST):
            sent = self._write_piece()
            total += sent
            if not sent:
                break
        return total > 0

    def _write_piece(self) -> int:
        self.is_blocked = not self.is_done and not self._channel.is_writable()
        if self.is_done or self.is_blocked or not (self._unsent or self._fetch()):
            return 0
        sent = self._channel.send(self._unsent)
        self._unsent = self._unsent[sent:]
        return sent

    def _fetch(self) -> bool:
        """Fetch the next piece, or close the input after the last one; return whether there is anything to send."""
        piece = next(self._pieces, None)
        if piece is None:
            self.is_done = True
            self._channel.send_eof()
        self._unsent = piece or b""
        return bool(piece)


def transfer_steps(channel: ExecChannel, pieces: Iterator[bytes], output: ChannelOutput, deadline: float) -> Steps[int]:
    """Send ``pieces`` and collect the output until the command ends; return its exit status, -1 if it has none.

    Args:
        pieces: the command's input; an empty piece means that the next one depends on output that has yet to arrive.
        deadline: a time of ``time.monotonic``.

    Raises:
        CommandTimeout: the command did not end before the deadline.
        OutputTooLong: its output exceeds the limit.
        Exception: what the SSH library raises if the connection breaks.
    """
    writer, last, closed, status = InputWriter(channel, pieces), time.monotonic(), False, None
    in_turn = 0
    while True:
        moved = channel.receive(output)
        moved = (not writer.is_done and not channel.is_closed() and writer.write()) or moved
        now = time.monotonic()
        if moved:
            last, in_turn = now, in_turn + 1
        else:
            found = channel.exit_status()  # asked in any case, since that takes in what has arrived
            status = output.status if output.end_mark else found
            if closed or (status is not None and now - last > LINGER_S):
                status = found if status is None else status
                return -1 if status is None else status
            closed = channel.is_closed()  # output may have arrived together with the end: read once more before leaving
        if now > deadline:
            raise CommandTimeout
        if (not moved and not closed) or in_turn == SLICE:
            until = now if moved else min(deadline, now + (IDLE_S if status is None else LINGER_S))
            in_turn = 0
            if wait := channel.wait(until, writer.is_blocked, writer.is_done):
                yield wait
