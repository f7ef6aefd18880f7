"""The protocol between an OpenSSH that holds a connection (ControlMaster) and its clients: the messages that moor uses.

References:
    openssh-portable, PROTOCOL.mux
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

VERSION = 4
HELLO, ALIVE_CHECK, TERMINATE, STDIO_FORWARD = 1, 0x10000004, 0x10000005, 0x10000008
PERMISSION_DENIED, FAILURE, SESSION_OPENED = 0x80000002, 0x80000003, 0x80000006


@dataclass(frozen=True)
class Message:
    """A message of the master, and what stands after its kind."""

    kind: int
    body: bytes


def hello() -> bytes:
    """Return the first message, with the version of the protocol."""
    return _message(HELLO, struct.pack(">I", VERSION))


def request_stdio_forward(host: str, port: int) -> bytes:
    """Return the request to connect two descriptors, which follow it one by one, to a port as the server sees it."""
    return _message(STDIO_FORWARD, struct.pack(">I", 0) + _string("") + _string(host) + struct.pack(">I", port))


def request_end() -> bytes:
    """Return the request that the master ends at once."""
    return _message(TERMINATE, struct.pack(">I", 0))


def parse(received: bytes) -> tuple[list[Message], bytes]:
    """Split what was received into whole messages and the rest."""
    found = []
    while len(received) >= 8:
        size, kind = struct.unpack_from(">II", received)
        if len(received) < size + 4:
            break
        found.append(Message(kind, received[8 : size + 4]))
        received = received[size + 4 :]
    return found, received


def _message(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", len(body) + 4, kind) + body


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack(">I", len(raw)) + raw
