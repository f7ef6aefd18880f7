"""Waiting for events instead of looking again and again: an idle node should cost its machine nothing."""

import math
import os
import select
import weakref
from collections.abc import Iterable


class Bell:
    """Wakes the thread that waits for it; any thread may ring."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._event)

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        os.eventfd_write(self._event, 1)

    def wait(self, processes: Iterable[int], longest_s: float) -> None:
        """Return when the bell rings, one of ``processes`` has ended, or ``longest_s`` (may be infinite) is over."""
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
    """The end of a process, noticed when it happens, whosever child it is."""

    def __init__(self, process: int) -> None:
        try:
            self.descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            self.descriptor = os.eventfd(1, os.EFD_CLOEXEC)  # it is over already: readable at once, as its own would be

    def wait(self, longest_s: float) -> bool:
        """Return whether the process has ended, after ``longest_s`` at the latest."""
        return wait_for([self.descriptor], longest_s)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)


def wait_for(descriptors: Iterable[int], longest_s: float) -> bool:
    """Wait until one of ``descriptors`` can be read; return whether that is so."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    if math.isinf(longest_s):
        return bool(poll.poll())
    return bool(poll.poll(math.ceil(max(0.0, longest_s) * 1000)))
