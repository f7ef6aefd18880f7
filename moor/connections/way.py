"""The socket that carries a connection: straight, or from a command such as a jump host's ssh."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from moor.connections.destination import Destination

LAST_WORDS_S = 1  # how long a command that failed may take to say why
# A host that is gone is noticed within 45 seconds, whatever runs there and however long it says nothing.
ALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 6))


def tune(sock: socket.socket) -> None:
    """Have the kernel send at once, and ask from time to time whether the other side is still there."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


@dataclass
class Way:
    """An open way to a host: a descriptor that whoever speaks SSH over it owns, and the command behind it."""

    descriptor: int
    command: subprocess.Popen[bytes] | None = None

    def last_words(self) -> str:
        """Give what the command said on standard error, if it has ended."""
        if self.command is None or self.command.stderr is None:
            return ""
        with suppress(subprocess.TimeoutExpired):
            self.command.wait(LAST_WORDS_S)
            return self.command.stderr.read().decode("utf-8", "replace").strip()
        return ""

    def close(self) -> None:
        """End the command."""
        if self.command is not None:
            self.command.kill()
            self.command.wait()
            if self.command.stderr:
                self.command.stderr.close()


def opened(destination: Destination, timeout_s: float) -> Way:
    """Open the way to a host; raises OSError."""
    if not destination.proxy:
        sock = socket.create_connection((destination.hostname, destination.port), timeout_s)
        tune(sock)
        return Way(_detached(sock))
    ours, theirs = socket.socketpair()
    with theirs:
        # As ssh does it: the user's own words, for their own shell. Source: ssh_config(5), ProxyCommand.
        command = subprocess.Popen(
            ["sh", "-c", f"exec {destination.proxy}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
        )
    return Way(_detached(ours), command)


def _detached(sock: socket.socket) -> int:
    sock.setblocking(False)
    return sock.detach()
