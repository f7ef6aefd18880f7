"""A ProxyCommand: a process whose standard input and output carry a connection."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from threading import Lock

END_S = 1  # how long a command that has failed may take to end


class ProxyCommand:
    """A running ProxyCommand; a shell reads the command line, as ssh has it.

    References:
        ssh_config(5), ProxyCommand
    """

    def __init__(self, command_line: str, theirs: socket.socket) -> None:
        """Start the command with ``theirs`` as its standard input and output."""
        self._errors, self._lock = "", Lock()  # paramiko's own thread may end it too
        self._command: subprocess.Popen[bytes] | None = subprocess.Popen(
            ["sh", "-c", f"exec {command_line}"], stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE
        )

    def errors(self) -> str:
        """Return what the command printed on standard error; empty while it runs."""
        if command := self._command:
            with suppress(subprocess.TimeoutExpired):
                command.wait(END_S)
                self.end()
        with self._lock:
            return self._errors

    def end(self) -> None:
        """End the command; ending it twice is fine."""
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
