"""Waits for events instead of polling, so that an idle node uses no CPU."""

import math
import os
import select
import weakref
from collections.abc import Iterable


class Bell:
    """A bell that any thread may ring to wake the thread that waits for it."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._event)

    def ring(self) -> None:
        """Wake the waiting thread, or the next one that waits."""
        os.eventfd_write(self._event, 1)

    def wait(self, processes: Iterable[int], longest_s: float) -> None:
        """Wait until the bell rings or one of ``processes`` ends, at most ``longest_s`` (may be infinite)."""
        opened = [ProcessEnd(process) for process in processes]
        try:
            wait_for([self._event, *(one.descriptor for one in opened)], longest_s)
        finally:
            for one in opened:
                one.close()
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return


class ProcessEnd:
    """A process, also of another parent, whose end can be waited for."""

    def __init__(self, process: int) -> None:
        try:
            self.descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            self.descriptor = os.eventfd(
                1, os.EFD_CLOEXEC
            )  # it has ended already; this descriptor is readable at once, as that of an ended process is

    def wait(self, longest_s: float) -> bool:
        """Wait at most ``longest_s`` for the end of the process; return whether it has ended."""
        return wait_for([self.descriptor], longest_s)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)


def wait_for(descriptors: Iterable[int], longest_s: float) -> bool:
    """Wait until one of ``descriptors`` is readable; return whether one is."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    if math.isinf(longest_s):
        return bool(poll.poll())
    return bool(poll.poll(math.ceil(max(0.0, longest_s) * 1000)))
