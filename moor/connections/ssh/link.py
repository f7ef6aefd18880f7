"""The socket that carries a connection: to the host itself, or to a command such as a jump host's ssh."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from threading import Lock

from moor.connections.ssh.destination import Destination

LAST_WORDS_S = 1  # how long a command that failed may take to say why
# A host that is gone is noticed within 45 seconds, whatever runs there and however long it says nothing.
ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 6))


class Link(socket.socket):
    """A connected socket, and the command at its other end where there is one; closing it ends the command."""

    def __init__(self, sock: socket.socket, command: subprocess.Popen[bytes] | None = None) -> None:
        super().__init__(fileno=sock.detach())
        self._command, self._said, self._lock = command, "", Lock()  # paramiko closes it in a thread of its own

    def last_words(self) -> str:
        """Return what the command printed on standard error, if it has ended."""
        if command := self._command:
            with suppress(subprocess.TimeoutExpired):
                command.wait(LAST_WORDS_S)
                self._end()
        with self._lock:
            return self._said

    def close(self) -> None:
        """Close the socket and end the command; twice is fine."""
        super().close()
        self._end()

    def _end(self) -> None:
        with self._lock:
            command, self._command = self._command, None
            if command is None:
                return
            command.terminate()
            with suppress(subprocess.TimeoutExpired):
                command.wait(LAST_WORDS_S)
            if command.poll() is None:
                command.kill()
                command.wait()
            if command.stderr:
                with command.stderr as pipe:
                    os.set_blocking(pipe.fileno(), False)  # a child of the command may still hold its other end
                    self._said = (pipe.read() or b"").decode("utf-8", "replace").strip()


def open_link(destination: Destination, timeout_s: float) -> Link:
    """Connect to a host, by the command of its ssh_config where that names one; raises OSError."""
    if destination.proxy:
        return linked(destination.proxy)
    sock = socket.create_connection((destination.hostname, destination.port), timeout_s)
    tune(sock)
    return Link(sock)


def linked(words: str) -> Link:
    """Start a ProxyCommand, whose standard input and output are the connection.

    As ssh does it: the user's own words, for a shell. Source: ssh_config(5), ProxyCommand.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        command = subprocess.Popen(
            ["sh", "-c", f"exec {words}"], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        )
    return Link(ours, command)


def tune(sock: socket.socket) -> None:
    """Have the kernel send at once, and ask from time to time whether the other side is still there."""
    if sock.family == socket.AF_UNIX:  # a command's
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
