"""One loop takes the steps of many jobs: each as if it were alone."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.ssh.loop import NEVER, Loop, Outcome
from moor.connections.ssh.steps import NOTHING, Steps, Wait, finish, pause

FAR = 60.0


@pytest.fixture
def loop() -> Iterator[Loop]:
    with Loop() as made:
        yield made


def pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def reading(sock: socket.socket, size: int = 65536, bound_s: float = FAR) -> Steps[bytes]:
    """Read until the other side closes; raise TimeoutError if it is silent."""
    found = b""
    while True:
        if not (yield Wait(sock.fileno(), select.POLLIN, time.monotonic() + bound_s)):
            raise TimeoutError
        piece = sock.recv(size)
        if not piece:
            return found
        found += piece


def writing(sock: socket.socket, content: bytes) -> Steps[None]:
    """Write everything, as far as the other side reads, and close."""
    with closing(sock):
        while content:
            yield Wait(sock.fileno(), select.POLLOUT, time.monotonic() + FAR)
            content = content[sock.send(content[:4096]) :]


@given(st.lists(st.binary(max_size=20_000), max_size=6))
def test_each_job_ends_with_what_it_would_have_alone(contents: list[bytes]) -> None:
    found: dict[int, bytes] = {}
    with Loop() as loop, ExitStack() as sockets:
        for number, content in enumerate(contents):
            ours, theirs = pair()
            sockets.enter_context(ours)
            loop.start(writing(theirs, content), Outcome.take)
            loop.start(reading(ours), lambda ended, number=number: found.update({number: ended.take()}))  # type: ignore[misc]
        loop.run()
    assert found == dict(enumerate(contents))


def test_an_exception_is_the_outcome_of_its_own_job_alone(loop: Loop) -> None:
    def failing() -> Steps[None]:
        yield from pause(0)
        raise ValueError("of one host")

    ended: list[Outcome[object]] = []
    loop.start(failing(), ended.append)
    loop.start(pause(0.01), ended.append)
    loop.run()
    assert [(one.value, repr(one.error)) for one in ended] == [(None, "ValueError('of one host')"), (None, "None")]
    with pytest.raises(ValueError, match="of one host"):
        ended[0].take()


def test_a_job_that_waits_for_nothing_ends_at_its_start(loop: Loop) -> None:
    def ready() -> Steps[str]:
        return "known"
        yield

    ended: list[str] = []
    loop.start(ready(), lambda outcome: ended.append(outcome.take()))
    assert ended == ["known"]
    assert len(loop) == 0


def test_silent_and_chatty_jobs_delay_no_other(loop: Loop) -> None:
    order: list[str] = []
    (silent, kept), (chatty, source) = pair(), pair()

    def chattering() -> Steps[None]:
        """Find something to read at every step, until the others have ended."""
        while order.count("good") < 20:
            source.send(b"y" * 1000)
            yield Wait(chatty.fileno(), select.POLLIN, time.monotonic() + FAR)
            chatty.recv(1000)

    with ExitStack() as sockets:
        for one in (silent, kept, chatty, source):
            sockets.enter_context(one)
        loop.start(reading(silent, bound_s=0.2), lambda ended: order.append(f"silent {type(ended.error).__name__}"))
        loop.start(chattering(), lambda _: order.append("chatty"))
        for _ in range(20):
            ours, theirs = pair()
            sockets.enter_context(ours)
            loop.start(reading(ours), lambda _: order.append("good"))
            loop.start(writing(theirs, b"fine"), Outcome.take)
        loop.run()
    assert order == ["good"] * 20 + ["chatty", "silent TimeoutError"]


def test_a_job_that_never_waits_long_lets_the_others_go_on(loop: Loop) -> None:
    taken: list[str] = []

    def busy(name: str) -> Steps[None]:
        for _ in range(3):
            taken.append(name)
            yield Wait(NOTHING, 0, 0.0)  # its time is over already

    for name in "ab":
        loop.start(busy(name), Outcome.take)
    loop.run()
    assert "".join(taken) == "ababab"


def test_deadlines_come_in_their_order_also_if_they_move(loop: Loop) -> None:
    order: list[str] = []

    def extended() -> Steps[None]:
        """Wait for an event with ever later deadlines, and at last with an early one."""
        ours, theirs = pair()
        with ours, theirs:
            for _ in range(3):
                theirs.send(b"x")
                assert (yield Wait(ours.fileno(), select.POLLIN, time.monotonic() + FAR)) == select.POLLIN
                ours.recv(1)
            assert (yield Wait(ours.fileno(), select.POLLIN, time.monotonic() + 0.03)) == 0

    loop.start(pause(0.06), lambda _: order.append("late"))
    loop.start(extended(), lambda ended: order.append(f"extended {ended.take()}"))
    loop.start(pause(0.0), lambda _: order.append("soon"))
    loop.run()
    assert order == ["soon", "extended None", "late"]


def test_a_socket_that_gets_the_number_of_a_closed_one_is_watched(loop: Loop) -> None:
    def reconnecting() -> Steps[list[int]]:
        numbers = []
        for _ in range(3):
            ours, theirs = pair()
            with ours, theirs:
                theirs.send(b"x")
                numbers.append(ours.fileno())
                assert (yield Wait(ours.fileno(), select.POLLIN, time.monotonic() + FAR)) == select.POLLIN
        return numbers

    found: list[list[int]] = []
    loop.start(reconnecting(), lambda ended: found.append(ended.take()))
    loop.run()
    assert len(set(found[0])) == 1


def test_a_descriptor_that_cannot_be_watched_is_the_job_s_own_error(loop: Loop) -> None:
    ours, theirs = pair()
    number = ours.fileno()
    ours.close()
    theirs.close()

    def waiting() -> Steps[None]:
        yield Wait(number, select.POLLIN, time.monotonic() + FAR)

    ended: list[Outcome[None]] = []
    loop.start(waiting(), ended.append)
    loop.run()
    assert isinstance(ended[0].error, OSError)


def test_jobs_begin_when_they_are_admitted(loop: Loop) -> None:
    left, running, most = list(range(50)), set[int](), 0

    def job(number: int) -> Steps[int]:
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        yield from pause(0.001)
        running.discard(number)
        return number

    ended: list[int] = []

    def admit(now: float) -> float:
        if not left or len(loop) == 5:
            return NEVER
        loop.start(job(left.pop(0)), lambda outcome: ended.append(outcome.take()))
        return now

    loop.run(admit)
    assert sorted(ended) == list(range(50))
    assert most == 5


def test_the_loop_waits_for_a_job_that_may_begin_later(loop: Loop) -> None:
    due, began = time.monotonic() + 0.05, list[float]()

    def admit(now: float) -> float:
        if began or now < due:
            return NEVER if began else due
        began.append(now)
        loop.start(pause(0), Outcome.take)
        return now

    loop.run(admit)
    assert began[0] >= due


def test_closing_the_loop_ends_its_jobs_where_they_are() -> None:
    closed: list[str] = []

    def job() -> Steps[None]:
        try:
            yield from pause(FAR)
        finally:
            closed.append("cleaned up")

    with Loop() as loop:
        loop.start(job(), lambda _: closed.append("must not be called"))
    assert closed == ["cleaned up"]


def test_ctrl_c_ends_the_loop_and_its_jobs() -> None:
    closed: list[int] = []

    def job(number: int) -> Steps[None]:
        try:
            yield from pause(0.01 * number)
            raise KeyboardInterrupt
        finally:
            closed.append(number)

    def run() -> None:
        with Loop() as loop:
            for number in range(3):
                loop.start(job(number), Outcome.take)
            loop.run()

    with pytest.raises(KeyboardInterrupt):
        run()
    assert sorted(closed) == [0, 1, 2]


def test_the_steps_of_one_job_can_be_finished_without_a_loop() -> None:
    readable, writable = os.pipe()
    os.write(writable, b"x")

    def job() -> Steps[bytes]:
        yield Wait(readable, select.POLLIN, time.monotonic() + FAR)
        return os.read(readable, 1)

    assert finish(job()) == b"x"
    os.close(readable)
    os.close(writable)
