"""Work over non-blocking sockets as steps: a generator that yields what it waits for, and is sent what happened.

One loop can take the steps of hundreds of hosts in turn; ``finish`` takes those of one host in the calling thread.
"""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

Found = TypeVar("Found")

NOTHING = -1  # the descriptor of a pause


@dataclass(frozen=True, slots=True)
class Wait:
    """What a step waits for.

    Attributes:
        descriptor: of a socket or pipe; ``NOTHING`` for a pause.
        events: of poll(2), such as ``select.POLLIN``.
        until: a time of ``time.monotonic``; from then on the steps go on without an event.
    """

    descriptor: int
    events: int
    until: float


# What is sent is the events that occurred, 0 if there were none in time.
Steps = Generator[Wait, int, Found]


def finish(steps: Steps[Found]) -> Found:
    """Take all steps in the calling thread, and return their result; raise what they raise."""
    try:
        wait = next(steps)
        while True:
            wait = steps.send(_poll(wait))
    except StopIteration as end:
        found: Found = end.value
        return found
    finally:
        steps.close()


def pause(seconds: float) -> Steps[None]:
    """Wait without an event."""
    yield Wait(NOTHING, 0, time.monotonic() + seconds)


def _poll(wait: Wait) -> int:
    poll = select.poll()
    if wait.descriptor != NOTHING:
        poll.register(wait.descriptor, wait.events)
    ready = poll.poll(max(0.0, wait.until - time.monotonic()) * 1000)
    return ready[0][1] if ready else 0
