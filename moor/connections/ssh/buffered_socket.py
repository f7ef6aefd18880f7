"""A socket that is read in large pieces, for paramiko, which asks for the few bytes of each packet's length first."""

from __future__ import annotations

import socket
from typing import Any

READ = 64 * 1024


class BufferedSocket:
    """A connected socket with a read buffer; everything else is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._buffer, self._offset = sock, b"", 0

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes; raises what the socket raises, such as TimeoutError."""
        if self._offset >= len(self._buffer):
            self._buffer, self._offset = self._sock.recv(max(size, READ)), 0
        piece = self._buffer[self._offset : self._offset + size]
        self._offset += len(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)
