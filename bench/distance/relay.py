"""A TCP relay that delays each direction by a fixed time, for thousands of connections at once.

``python -m bench.distance.relay FD`` reads one line of JSON from the socket FD: the delay of one direction in seconds,
and by address to listen on the address and port that it leads to. It answers with the port that it listens on, the same
at every address, then with its load for every further line, and ends when the socket is closed.

Data keeps its order and leaves after the delay; bandwidth is not limited. A connection that is closed in one direction
stays open in the other, and a reset is passed on. The kernel accepts a client's connection at once, without a round
trip, so the relay connects to the host after three delays, when the third packet of a handshake would have arrived:
nothing comes back earlier than it would over a real distance.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict
from select import EPOLLIN

from bench.distance.connection import Connection, Target
from bench.distance.loop import Loop
from bench.distance.pipe import CHUNK


class Listener:
    """One address of the relay, and the host that it leads to."""

    def __init__(self, loop: Loop, sock: socket.socket, target: Target) -> None:
        self._loop, self._sock, self._target = loop, sock, target
        loop.watch(sock, self, EPOLLIN)

    def readable(self) -> None:
        try:
            client, _ = self._sock.accept()
        except OSError:  # the client has gone already
            return
        client.setblocking(False)
        Connection(self._loop, client, self._target)

    def writable(self) -> None:
        return


def listen(loop: Loop, targets: Mapping[str, Target]) -> tuple[int, list[Listener]]:
    """Listen on all addresses with one port, which the kernel chooses for the first."""
    port, listeners = 0, []
    for address, target in targets.items():
        sock = socket.create_server((address, port), backlog=4096)
        sock.setblocking(False)
        port = sock.getsockname()[1]
        listeners.append(Listener(loop, sock, target))
    return port, listeners


class Orders:
    """The lines on the control socket after the first, each answered with the load."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop, self._sock, self.over = loop, sock, False
        loop.watch(sock, self, EPOLLIN)

    def readable(self) -> None:
        lines = self._sock.recv(CHUNK)
        self.over = not lines
        for _ in range(lines.count(b"\n")):
            self._sock.sendall(json.dumps(asdict(self._loop.read_load())).encode() + b"\n")

    def writable(self) -> None:
        return


def serve(control: socket.socket) -> None:
    """Serve until the control socket is closed."""
    first = control.makefile("rb", buffering=0).readline()
    asked = json.loads(first)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    loop = Loop(asked["delay_s"])
    port, _listeners = listen(loop, {address: (host, port) for address, (host, port) in asked["targets"].items()})
    control.sendall(f"{port}\n".encode())
    orders = Orders(loop, control)
    while not orders.over:
        loop.turn()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
