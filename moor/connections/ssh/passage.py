"""The passage of one host's connection through a jump host."""

from __future__ import annotations

import socket
from threading import Lock
from typing import Protocol

from moor.connections.ssh.destination import Destination
from moor.connections.ssh.mux import FAILURE, PERMISSION_DENIED, SESSION_OPENED, hello, parse, request_stdio_forward
from moor.connections.ssh.proxy_command import ProxyCommand

DECIDED = (SESSION_OPENED, FAILURE, PERMISSION_DENIED)
ANSWER_S = 5.0  # how long the ssh on this machine may take to listen


class Keeper(Protocol):
    """Whoever keeps the login at the jump host."""

    def explain_loss(self) -> str:
        """Return why the login was lost; empty while it is there."""

    def forget(self, passage: Passage) -> None:
        """Note that a passage is needed no more."""


class Passage:
    """A connection that a jump host carries to the host behind it, as far as the way there has come.

    The other end of ``theirs`` sees the end of the connection only after it is known here why.

    Attributes:
        destination: the host behind.
        is_open: the jump host has connected to the host.
        is_refused: the jump host has answered that it does not.
        keeper: of the login at the jump host.
    """

    def __init__(self, destination: Destination, theirs: socket.socket) -> None:
        """Prepare the passage, with the end of a socket pair that the jump host is to carry on."""
        self.destination, self._is_asked = destination, False
        self.is_open = self.is_refused = False
        self.keeper: Keeper | None = None
        self._theirs: socket.socket | None = theirs
        self._failure, self._lock = "", Lock()
        self._request: socket.socket | None = None  # closing it closes the passage
        self._command: ProxyCommand | None = None
        self._received = b""

    @property
    def place(self) -> str:
        """Return the host behind, as the jump host looks for it."""
        return f"{self.destination.hostname}:{self.destination.port}"

    @property
    def jump(self) -> Destination:
        """Return the jump host that carries it."""
        return self.destination.jumps[-1]

    def request(self, path: str) -> int | None:
        """Ask the ssh that listens at ``path`` for the connection.

        Returns:
            The descriptor on which the answer will come; None if nobody waits for it any more.

        Raises:
            OSError: nobody listens there.
        """
        request = socket.socket(socket.AF_UNIX)
        request.settimeout(ANSWER_S)
        try:
            request.connect(path)
            with self._lock:
                if self._theirs is None:
                    request.close()
                    return None
                request.sendall(hello() + request_stdio_forward(self.destination.hostname, self.destination.port))
                for _ in ("input", "output"):
                    socket.send_fds(request, [b"\0"], [self._theirs.fileno()])
                request.setblocking(False)
                self._request, self._is_asked = request, True
                return request.fileno()
        except BaseException:
            request.close()
            raise

    def read_answer(self) -> bool | None:
        """Take in what the ssh has answered.

        Returns:
            Whether the connection is open; None if that is not known yet. It is not open, and not refused either, if
            this side gave up: its end of the socket pair then closes before the passage ends.
        """
        with self._lock:
            if self._request is None:
                return False
            try:
                piece = self._request.recv(4096)
            except BlockingIOError:
                return None
            except ConnectionError:
                piece = b""
            if not piece:
                self._let_go()
                return False
            messages, self._received = parse(self._received + piece)
            for message in messages:
                if message.kind in DECIDED:
                    self.is_open = message.kind == SESSION_OPENED
                    self.is_refused = not self.is_open
                    if self.is_open:
                        self._let_go()
                    return self.is_open
            return None

    def run_command(self) -> None:
        """Carry the connection by an ``ssh -W`` instead, which uses the connection that the user keeps open."""
        with self._lock:
            if self._theirs is not None:
                self._command = ProxyCommand(self.destination.proxy, self._theirs)
                self._let_go()

    def fail(self, words: str) -> None:
        """End the connection, which has failed for the reason ``words``."""
        with self._lock:
            self._failure = self._failure or words
            self._let_go()

    def _let_go(self) -> None:
        if self._theirs is not None:
            self._theirs.close()
            self._theirs = None

    def errors(self) -> str:
        """Return why the connection is not carried, or not yet; empty if it is."""
        with self._lock:
            command, failure = self._command, self._failure
        failure = failure or (self.keeper.explain_loss() if self.keeper else "")
        if failure or self.is_open:
            return failure
        if command:
            return command.errors()
        if not self._is_asked:
            return f"{self.jump.called}: the login there is not over yet"
        return f"{self.jump.called}: no answer from {self.place} in time"

    def end(self) -> None:
        """Stop carrying; ending it twice is fine."""
        with self._lock:
            self._let_go()
            if self._request is not None:
                self._request.close()
                self._request = None
            command = self._command
        if command:
            command.end()
        if self.keeper:
            self.keeper.forget(self)
