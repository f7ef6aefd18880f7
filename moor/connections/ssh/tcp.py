"""TCP connections as steps: the addresses of a name, one after the other, none of which blocks a loop."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from moor.connections.ssh.in_thread import NAMES, in_thread
from moor.connections.ssh.steps import Steps, Wait

# A host that is gone is noticed within 45 seconds, even if a command that prints nothing runs there.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 6))

Address = tuple[int, int, int, str, Any]  # as socket.getaddrinfo returns them


def tcp_steps(hostname: str, port: int, timeout_s: float) -> Steps[socket.socket]:
    """Connect to the first address of a host that accepts; return a non-blocking socket.

    Args:
        timeout_s: for each of the host's addresses.

    Raises:
        OSError: the error of the last address, or the resolver's.
        UnicodeError: the name is none.
    """
    failure = OSError(f"the name {hostname} has no address")
    for address in (yield from address_steps(hostname, port)):
        try:
            return (yield from _one_address_steps(address, timeout_s))
        except OSError as error:
            failure = error.with_traceback(None)
    raise failure


def address_steps(hostname: str, port: int) -> Steps[Sequence[Address]]:
    """Resolve a name in a thread, since the resolver blocks; an address needs none."""
    look_up = partial(socket.getaddrinfo, hostname, port, type=socket.SOCK_STREAM)
    try:
        return look_up(flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return (yield from in_thread(NAMES, look_up))


def _one_address_steps(address: Address, timeout_s: float) -> Steps[socket.socket]:
    family, kind, protocol, _, place = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        tune_socket(sock)
        code = sock.connect_ex(place)
        if code == errno.EINPROGRESS:
            if not (yield Wait(sock.fileno(), select.POLLOUT, time.monotonic() + timeout_s)):
                raise TimeoutError
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))  # a subclass by its number, such as ConnectionRefusedError
    except BaseException:
        sock.close()
        raise
    return sock


def tune_socket(sock: socket.socket) -> None:
    """Set TCP_NODELAY, and keepalive probes that notice a dead host."""
    if sock.family == socket.AF_UNIX:  # a ProxyCommand's
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def has_hung_up(descriptor: int) -> bool:
    """Return whether the other side of a connected socket has closed it; a closed socket counts too."""
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    return bool(poll.poll(0))
