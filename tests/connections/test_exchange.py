"""The exchange over a channel, with a fake channel: what is sent, read and waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from moor.connections.ssh.exchange import LINGER_S, ChannelOutput, transfer_steps
from moor.connections.ssh.steps import NOTHING, Wait, finish


@dataclass
class NarrowChannel:
    """A channel to a host that accepts ``window`` bytes, more only after a wait, and echoes all of it at the end."""

    window: int
    room: int = 0
    input: bytearray = field(default_factory=bytearray)
    waits_for_write: list[bool] = field(default_factory=list)
    is_input_closed: bool = False

    def __post_init__(self) -> None:
        self.room = self.window

    def receive(self, output: ChannelOutput) -> bool:
        if self.is_input_closed and not output.stdout:
            output.add(stdout=bytes(self.input))
            return bool(self.input)
        return False

    def is_writable(self) -> bool:
        return self.room > 0

    def send(self, piece: bytes) -> int:
        sent = piece[: self.room]
        self.room -= len(sent)
        self.input += sent
        return len(sent)

    def send_eof(self) -> None:
        self.is_input_closed = True

    def exit_status(self) -> int | None:
        return 0 if self.is_input_closed else None

    def is_closed(self) -> bool:
        return self.is_input_closed

    def wait(self, until: float, for_write: bool, input_done: bool) -> Wait:
        if not self.is_input_closed:
            self.waits_for_write.append(for_write)
        self.room = self.window
        return Wait(NOTHING, 0, time.monotonic())


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9), st.integers(1, 12))
def test_while_the_host_accepts_no_input_the_exchange_waits_for_that(pieces: list[bytes], window: int) -> None:
    channel, output = NarrowChannel(window), ChannelOutput(1000)
    assert finish(transfer_steps(channel, iter(pieces), output, time.monotonic() + 60)) == 0
    assert bytes(output.stdout) == b"".join(pieces)
    assert all(channel.waits_for_write)  # also if the window ends exactly where a piece does


@dataclass
class LateChannel(NarrowChannel):
    """A channel whose last output arrives together with the end of the command, when the exit status is read."""

    last_output: bytes = b"last words"
    arrived: bytes = b""
    ended: bool = False

    def receive(self, output: ChannelOutput) -> bool:
        taken, self.arrived = self.arrived, b""
        output.add(stdout=taken)
        return bool(taken)

    def exit_status(self) -> int | None:
        if self.is_input_closed and not self.ended:
            self.ended, self.arrived = True, self.last_output
        return 0 if self.ended else None

    def is_closed(self) -> bool:
        return self.ended


def test_output_that_arrives_together_with_the_end_is_read() -> None:
    channel, output = LateChannel(9), ChannelOutput(1000)
    assert finish(transfer_steps(channel, iter([b"command"]), output, time.monotonic() + 60)) == 0
    assert bytes(output.stdout) == channel.last_output


@given(st.binary(max_size=40), st.integers(0, 255), st.binary(max_size=40), st.lists(st.integers(0, 99)))
def test_the_announced_end_is_cut_out_however_it_arrives(
    before: bytes, status: int, after: bytes, cuts: list[int]
) -> None:
    raw = before + b"\nMARK-end-%d\n" % status + after
    output, places = ChannelOutput(1000, b"\nMARK-end-"), sorted({0, len(raw), *(cut % len(raw) for cut in cuts)})
    for begin, end in pairwise(places):
        output.add(stderr=raw[begin:end])
    assert (output.status, bytes(output.stderr)) == (status, before + after)


class EndlessChannel(NarrowChannel):
    """A channel of a host that sends without end."""

    def receive(self, output: ChannelOutput) -> bool:
        output.add(stdout=b"y")
        return True


def test_a_host_that_sends_without_end_gives_the_others_their_turn() -> None:
    output = ChannelOutput(10**6)
    steps = transfer_steps(EndlessChannel(9), iter([b"command"]), output, time.monotonic() + 60)
    wait, sizes = next(steps), []
    for _ in range(5):
        assert wait.until <= time.monotonic()
        sizes.append(len(output.stdout))
        wait = steps.send(0)
    steps.close()
    assert sizes == [sizes[0] * turn for turn in range(1, 6)]


@dataclass
class EarlyChannel(NarrowChannel):
    """A channel whose library gives an exit status long before the command has ended, and announced its end."""

    turns: int = 0

    def receive(self, output: ChannelOutput) -> bool:
        self.turns += 1
        if self.turns == 4:
            output.add(b"said", b"\nMARK-end-3\n")
        return self.turns == 4

    def exit_status(self) -> int | None:
        return 0

    def is_closed(self) -> bool:
        return self.turns >= 4

    def wait(self, until: float, for_write: bool, input_done: bool) -> Wait:
        return Wait(NOTHING, 0, time.monotonic() + LINGER_S / 2)


def test_a_command_that_announces_its_end_has_not_ended_before_it_does() -> None:
    channel, output = EarlyChannel(9), ChannelOutput(1000, b"\nMARK-end-")
    assert finish(transfer_steps(channel, iter([b"command"]), output, time.monotonic() + 60)) == 3
    assert bytes(output.stdout) == b"said"
