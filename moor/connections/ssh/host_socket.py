"""The socket of an SSH connection: to the host itself, or to a ProxyCommand such as a jump host's ssh."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from threading import Lock

from moor.connections.ssh.destination import Destination

END_S = 1  # how long a command that has failed may take to end
# A host that is gone is noticed within 45 seconds, even if a command that prints nothing runs there.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 6))


class HostSocket(socket.socket):
    """A connected socket, with the ProxyCommand at its other end if there is one; closing it ends the command."""

    def __init__(self, sock: socket.socket, command: subprocess.Popen[bytes] | None = None) -> None:
        super().__init__(fileno=sock.detach())
        self._command, self._errors, self._lock = command, "", Lock()  # paramiko's own thread may close it too

    def proxy_errors(self) -> str:
        """Return what the ProxyCommand printed on standard error; empty while it runs, or if there is none."""
        if command := self._command:
            with suppress(subprocess.TimeoutExpired):
                command.wait(END_S)
                self._end()
        with self._lock:
            return self._errors

    def close(self) -> None:
        """Close the socket and end the command; closing twice is fine."""
        super().close()
        self._end()

    def _end(self) -> None:
        with self._lock:
            command, self._command = self._command, None
            if command is None:
                return
            command.terminate()
            with suppress(subprocess.TimeoutExpired):
                command.wait(END_S)
            if command.poll() is None:
                command.kill()
                command.wait()
            if command.stderr:
                with command.stderr as pipe:
                    os.set_blocking(pipe.fileno(), False)  # a child of the command may still hold its other end
                    self._errors = (pipe.read() or b"").decode("utf-8", "replace").strip()


def open_host_socket(destination: Destination, timeout_s: float) -> HostSocket:
    """Connect to a host, by its ProxyCommand if it has one; raises OSError."""
    if destination.proxy:
        return start_proxy_command(destination.proxy)
    sock = socket.create_connection((destination.hostname, destination.port), timeout_s)
    tune_socket(sock)
    return HostSocket(sock)


def start_proxy_command(command_line: str) -> HostSocket:
    """Start a ProxyCommand whose standard input and output are the connection.

    A shell reads the command line, as ssh has it.

    References:
        ssh_config(5), ProxyCommand
    """
    ours, theirs = socket.socketpair()
    with theirs:
        command = subprocess.Popen(
            ["sh", "-c", f"exec {command_line}"], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        )
    return HostSocket(ours, command)


def tune_socket(sock: socket.socket) -> None:
    """Set TCP_NODELAY, and keepalive probes that notice a dead host."""
    if sock.family == socket.AF_UNIX:  # a ProxyCommand's
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
