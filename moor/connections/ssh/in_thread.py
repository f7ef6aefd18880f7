"""Calls that block, such as the resolver's, as steps: a thread makes the call, and wakes the loop at its end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from moor.connections.ssh.steps import Steps, Wait

Found = TypeVar("Found")

LOOK_S = 60.0  # how often to look whether the call has ended, should its thread not wake us
NAMES = ThreadPoolExecutor(16, "moor-names")
CALLS = ThreadPoolExecutor(1000, "moor-calls")  # has as many threads as were busy at the same time


class Bell:
    """A descriptor that becomes readable when another thread rings."""

    def __init__(self) -> None:
        self.descriptor, self._lock, self._closed = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), Lock(), False

    def ring(self, *_: object) -> None:
        """Wake whoever waits; do nothing after ``close``, since the number may be another file's by then."""
        with self._lock:
            if not self._closed:
                os.eventfd_write(self.descriptor, 1)

    def close(self) -> None:
        """Close the descriptor."""
        with self._lock:
            self._closed = True
            os.close(self.descriptor)


def in_thread(pool: ThreadPoolExecutor, call: Callable[[], Found]) -> Steps[Found]:
    """Make a call in a thread of ``pool``, and return its result; raise what it raises."""
    bell = Bell()
    future: Future[Found] = pool.submit(call)
    future.add_done_callback(bell.ring)
    try:
        while not future.done():
            yield Wait(bell.descriptor, select.POLLIN, time.monotonic() + LOOK_S)
        return future.result()
    finally:
        future.cancel()
        bell.close()
        del future  # its exception refers to this frame, which would be a cycle
