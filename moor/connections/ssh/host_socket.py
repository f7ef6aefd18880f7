"""The socket of an SSH connection: to the host itself, or to a ProxyCommand such as a jump host's ssh."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from threading import Lock

from moor.connections.ssh.destination import Destination
from moor.connections.ssh.steps import Steps
from moor.connections.ssh.tcp import tcp_steps

END_S = 1  # how long a command that has failed may take to end


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

    def hang_up(self) -> None:
        """End the connection and the command, but keep the descriptor's number, which is then no other's."""
        with suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        self._end()

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


def host_socket_steps(destination: Destination, timeout_s: float) -> Steps[HostSocket]:
    """Connect to a host, by its ProxyCommand if it has one; return a non-blocking socket; raise OSError."""
    if destination.proxy:
        sock = start_proxy_command(destination.proxy)
        sock.setblocking(False)
        return sock
    return HostSocket((yield from tcp_steps(destination.hostname, destination.port, timeout_s)))


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
