"""The relay's loop: sockets by epoll, and work that is done after the delay."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from select import EPOLLOUT, epoll
from typing import Protocol


@dataclass
class Load:
    """What the relay did since its load was last read.

    Attributes:
        connections: those accepted
        cpu_s: CPU of the relay's process
        wall_s: the time that this covers
        late_s: by how much data left later than it should have, at most
        late_mean_s: the same, on average
    """

    connections: int = 0
    megabytes: float = 0
    cpu_s: float = 0
    wall_s: float = 0
    late_s: float = 0
    late_mean_s: float = 0


class Reader(Protocol):
    """Anything that epoll can report: a method for input, one for room to write."""

    def readable(self) -> None: ...

    def writable(self) -> None: ...


class Loop:
    """One epoll instance with a queue of delayed work; equal delays keep the queue in order of time.

    Attributes:
        delay_s: of one direction
    """

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.load = Load()
        self._events, self._bytes, self._late_total = 0, 0, 0.0
        self._epoll = epoll()
        self._readers: dict[int, tuple[Reader, int]] = {}
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._handshakes: deque[tuple[float, Callable[[], None]]] = deque()
        self._began = (time.monotonic(), time.process_time())

    def watch(self, sock: socket.socket, reader: Reader, mask: int) -> None:
        """Report these events of a socket; with none, not even a hang-up is reported."""
        number = sock.fileno()
        former = self._readers.get(number)
        if number < 0 or (former and former[1] == mask):
            return
        if not mask:
            if former:
                self._epoll.unregister(number)
                del self._readers[number]
            return
        (self._epoll.modify if former else self._epoll.register)(number, mask)
        self._readers[number] = (reader, mask)

    def after_delay(self, work: Callable[[], None], size: int = 0) -> None:
        """Do the work after one delay, in the order in which it was asked for."""
        self._bytes += size
        self._queue.append((time.monotonic() + self.delay_s, work))

    def after_handshake(self, work: Callable[[], None]) -> None:
        """Do the work after three delays, when the third packet of TCP's handshake would arrive."""
        self.load.connections += 1
        self._handshakes.append((time.monotonic() + 3 * self.delay_s, work))

    def turn(self, limit_s: float = 1.0) -> None:
        """Wait for events and do what is due."""
        due = min((queue[0][0] for queue in (self._queue, self._handshakes) if queue), default=float("inf"))
        for number, events in self._epoll.poll(max(0.0, min(limit_s, due - time.monotonic()))):
            self._tell(number, events)
        for queue in (self._handshakes, self._queue):
            while queue and queue[0][0] <= time.monotonic():
                due, work = queue.popleft()
                self._note(time.monotonic() - due)
                work()

    def read_load(self) -> Load:
        """Return the load since the last call."""
        now = (time.monotonic(), time.process_time())
        found, self.load = self.load, Load()
        found.wall_s, found.cpu_s = now[0] - self._began[0], now[1] - self._began[1]
        found.megabytes = self._bytes / 1e6
        found.late_mean_s = self._late_total / self._events if self._events else 0.0
        self._began, self._events, self._bytes, self._late_total = now, 0, 0, 0.0
        return found

    def _tell(self, number: int, events: int) -> None:
        if number in self._readers and events & EPOLLOUT:
            self._readers[number][0].writable()
        if number in self._readers and events & ~EPOLLOUT:  # input, or a hang-up, which reading finds
            self._readers[number][0].readable()

    def _note(self, late_s: float) -> None:
        self.load.late_s = max(self.load.late_s, late_s)
        self._events += 1
        self._late_total += late_s
