"""A socket that is read in large pieces, for paramiko, which asks for the few bytes of each packet's length first."""

from __future__ import annotations

import socket
from typing import Any

READ = 64 * 1024


class Buffered:
    """A connected socket; what it gave is handed on as it is asked for."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._held, self._at = sock, b"", 0

    def recv(self, size: int) -> bytes:
        """Return ``size`` bytes or fewer; raises what the socket raises, TimeoutError among it."""
        if self._at >= len(self._held):
            self._held, self._at = self._sock.recv(max(size, READ)), 0
        piece = self._held[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
