"""The socket of an SSH connection: to the host itself, through a jump host, or to a ProxyCommand."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Protocol

from moor.connections.ssh.bastion import open_passage
from moor.connections.ssh.destination import Destination
from moor.connections.ssh.proxy_command import ProxyCommand
from moor.connections.ssh.steps import Steps
from moor.connections.ssh.tcp import tcp_steps


class Carrier(Protocol):
    """What carries a connection at the other end of a host's socket."""

    def errors(self) -> str:
        """Return why it carries nothing; empty while it does."""

    def end(self) -> None:
        """Stop carrying; ending it twice is fine."""


class HostSocket(socket.socket):
    """A connected socket, with what carries it on if it does not lead to the host; closing it ends that too."""

    def __init__(self, sock: socket.socket, carrier: Carrier | None = None) -> None:
        super().__init__(fileno=sock.detach())
        self._carrier = carrier

    @property
    def is_carried(self) -> bool:
        """Return whether it does not lead to the host itself."""
        return self._carrier is not None

    def proxy_errors(self) -> str:
        """Return why the jump host or the ProxyCommand carries nothing; empty while it does, or if there is none."""
        return self._carrier.errors() if self._carrier else ""

    def hang_up(self) -> None:
        """End the connection and what carries it, but keep the descriptor's number, which is then no other's."""
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        if self._carrier:
            self._carrier.end()

    def close(self) -> None:
        """Close the socket and end what carries it; closing twice is fine."""
        super().close()
        if self._carrier:
            self._carrier.end()


def host_socket_steps(destination: Destination, timeout_s: float) -> Steps[HostSocket]:
    """Connect to a host by the way that it needs; return a non-blocking socket; raise OSError."""
    if sock := open_indirect_socket(destination):
        sock.setblocking(False)
        return sock
    return HostSocket((yield from tcp_steps(destination.hostname, destination.port, timeout_s)))


def open_indirect_socket(destination: Destination) -> HostSocket | None:
    """Return the socket of a host that is reached through jump hosts or by a ProxyCommand, None if by neither.

    It is there at once. The host can be read from it once the way is open; it ends if there is none.
    """
    if not destination.proxy:
        return None
    ours, theirs = socket.socketpair()
    if destination.jumps:
        return HostSocket(ours, open_passage(destination, theirs))
    with theirs:
        return HostSocket(ours, ProxyCommand(destination.proxy, theirs))
