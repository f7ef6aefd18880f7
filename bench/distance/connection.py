"""A relayed connection: the client's, the one to the host, and a pipe for each direction."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from select import EPOLLIN, EPOLLOUT

from bench.distance.loop import Loop
from bench.distance.pipe import Pipe, reset

Target = tuple[str, int]


class Connection:
    """A client's connection and the relay's own to the host, with a pipe for each direction."""

    def __init__(self, loop: Loop, client: socket.socket, target: Target) -> None:
        self._loop, self._target = loop, target
        self._client, self._host = client, socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        for sock in (self._client, self._host):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._up = Pipe(loop, self._client, self._host, self.refresh, self.abort)
        self._down = Pipe(loop, self._host, self._client, self.refresh, self.abort)
        self._connected = self._connecting = self._over = False
        self._sides = Side(self._up, self._down), Side(self._down, self._up, self._note_connected)
        self._down.open()  # the client is connected already
        loop.after_handshake(self._connect)
        self.refresh()

    def refresh(self) -> None:
        """Watch what the pipes wait for; close both sides when both directions have ended."""
        if self._over:
            return
        if self._up.ended and self._down.ended:
            self._close()
            return
        inward = self._down.wants_output and EPOLLOUT
        self._loop.watch(self._client, self._sides[0], (self._up.wants_input and EPOLLIN) | inward)
        outward = (self._connecting or (self._connected and self._up.wants_output)) and EPOLLOUT
        self._loop.watch(self._host, self._sides[1], (self._connected and self._down.wants_input and EPOLLIN) | outward)

    def abort(self) -> None:
        """Reset both sides: one of them failed."""
        if not self._over:
            reset(self._client)
            reset(self._host)
            self._close()

    def _connect(self) -> None:
        if self._over:
            return
        self._connecting = True
        self._host.connect_ex(self._target)  # EINPROGRESS; a failure shows when it is writable
        self.refresh()

    def _note_connected(self) -> bool:
        if not self._connected and self._host.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.abort()
            return False
        self._connecting, self._connected = False, True
        self._up.open()
        return not self._over

    def _close(self) -> None:
        self._over = True
        for sock in (self._client, self._host):
            self._loop.watch(sock, self._sides[0], 0)
            sock.close()


@dataclass(frozen=True)
class Side:
    """The events of one socket: input of one pipe, output of the other."""

    source: Pipe
    sink: Pipe
    note_connected: Callable[[], bool] = lambda: True

    def readable(self) -> None:
        if self.note_connected():
            self.source.read()

    def writable(self) -> None:
        if self.note_connected():
            self.sink.write()
