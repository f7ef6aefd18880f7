"""The conversation over a channel, without one: what is waited for, and for whom."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from moor.connections.ssh.exchange import Received, converse


@dataclass
class Narrow:
    """A wire to a host that takes ``window`` bytes at once, more only after a rest, and answers with all of it."""

    window: int
    left: int = 0
    got: bytearray = field(default_factory=bytearray)
    rests: list[bool] = field(default_factory=list)
    told: bool = False

    def __post_init__(self) -> None:
        self.left = self.window

    def take(self, heard: Received) -> bool:
        if self.told and not heard.stdout:
            heard.add(stdout=bytes(self.got))
            return bool(self.got)
        return False

    def ready(self) -> bool:
        return self.left > 0

    def send(self, piece: bytes) -> int:
        sent = piece[: self.left]
        self.left -= len(sent)
        self.got += sent
        return len(sent)

    def send_eof(self) -> None:
        self.told = True

    def code(self) -> int | None:
        return 0 if self.told else None

    def closed(self) -> bool:
        return self.told

    def rest(self, timeout_s: float, blocked: bool, over: bool) -> None:
        if not self.told:
            self.rests.append(blocked)
        self.left = self.window


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9), st.integers(1, 12))
def test_whenever_the_host_takes_no_more_it_is_that_which_is_waited_for(pieces: list[bytes], window: int) -> None:
    wire, heard = Narrow(window), Received(1000)
    assert converse(wire, iter(pieces), heard, time.monotonic() + 60) == 0
    assert bytes(heard.stdout) == b"".join(pieces)
    assert all(wire.rests)  # also where its window ends just where a piece does


@dataclass
class Late(Narrow):
    """The command's last words arrive together with its end, when its exit status is asked for."""

    words: bytes = b"last words"
    arrived: bytes = b""
    ended: bool = False

    def take(self, heard: Received) -> bool:
        taken, self.arrived = self.arrived, b""
        heard.add(stdout=taken)
        return bool(taken)

    def code(self) -> int | None:
        if self.told and not self.ended:
            self.ended, self.arrived = True, self.words
        return 0 if self.ended else None

    def closed(self) -> bool:
        return self.ended


def test_what_arrives_together_with_the_end_is_heard() -> None:
    wire, heard = Late(9), Received(1000)
    assert converse(wire, iter([b"command"]), heard, time.monotonic() + 60) == 0
    assert bytes(heard.stdout) == wire.words
