"""SSH sessions by libssh, a C library that needs half of paramiko's CPU time and lets other threads run meanwhile."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from traceback import clear_frames
from typing import ClassVar

from ssh.channel import Channel
from ssh.exceptions import EOF, BaseSSHError
from ssh.session import Session as Connection

from moor.connections.ssh.become_root import BOOTSTRAP
from moor.connections.ssh.destination import Destination
from moor.connections.ssh.exchange import ChannelOutput, transfer_steps
from moor.connections.ssh.failures import NO_COMMAND, Failure
from moor.connections.ssh.host_socket import HostSocket
from moor.connections.ssh.libssh_login import WaitSteps, authentication_steps, call_steps, handshake_steps, private_key
from moor.connections.ssh.session import Errors
from moor.connections.ssh.socket_session import SocketSession
from moor.connections.ssh.steps import Steps, Wait

READ = 64 * 1024
WRITE_PENDING = 8  # SSH_WRITE_PENDING of libssh.h


class LibsshSession(SocketSession):
    """A ``Shell`` over libssh.

    libssh has a descriptor of its own for the socket and closes it when the last reference to its session is dropped,
    which the garbage collector may delay. The connection ends before that, since ``close`` shuts the socket down.
    """

    BROKEN: ClassVar[Errors] = (EOFError, OSError, BaseSSHError)
    NAME = "libssh"
    _connection: Connection | None = None

    def login_steps(self, destination: Destination, sock: HostSocket, end: float) -> Steps[None]:
        connection = Connection()
        connection.set_socket(os.dup(sock.fileno()))
        self._connection = connection
        yield from handshake_steps(connection, destination, self.parameters, self._until(end))
        self.is_known = True
        yield from authentication_steps(connection, destination, self.parameters, self._until(end))

    def read_key(self, path: Path, passphrase: str | None) -> object:
        return private_key(path, passphrase)

    def has_connection(self) -> bool:
        return self._connection is not None and self._connection.is_connected()

    def drop_connection(self) -> None:
        self._connection = None

    def _until(self, end: float) -> WaitSteps:
        return partial(self.wait_steps, select.POLLIN, end)

    def explain_no_channel(self, error: Exception) -> Failure | None:
        return NO_COMMAND if "Channel opening failure" in str(error) else super().explain_no_channel(error)

    def exchange_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        end = time.monotonic() + timeout_s
        if self._connection is None:
            raise EOFError
        channel = self._connection.channel_new()
        try:
            opening = min(end, time.monotonic() + self.parameters["conn_timeout"])
            yield from call_steps(channel.open_session, self._until(opening))
            yield from call_steps(partial(channel.request_exec, BOOTSTRAP), self._until(end))
            return (yield from transfer_steps(LibsshChannel(self, self._connection, channel), pieces, output, end))
        except BaseException as error:
            clear_frames(error.__traceback__)
            raise
        finally:
            with suppress(*self.BROKEN):
                channel.close()
            del channel


class LibsshChannel:
    """An ``ExecChannel`` over libssh's channel, which reads the socket whenever it is asked what has arrived."""

    def __init__(self, session: LibsshSession, connection: Connection, channel: Channel) -> None:
        self._session, self._connection, self._channel = session, connection, channel

    def receive(self, output: ChannelOutput) -> bool:
        stdout, stderr = self._read(False), self._read(True)
        if stdout or stderr:
            output.add(stdout, stderr)
        return bool(stdout or stderr)

    def _read(self, is_stderr: bool) -> bytes:
        try:
            _, piece = self._channel.read_nonblocking(READ, is_stderr)
        except EOF:
            return b""
        content: bytes = piece
        return content

    def is_writable(self) -> bool:
        # libssh keeps in memory what the socket does not take, without a limit; so send no more until that is gone.
        return self._channel.window_size() > 0 and not self._is_pending()

    def send(self, piece: bytes) -> int:
        # The binding loops until everything is sent, so give it no more than the window has room for.
        fitting = piece[: self._channel.window_size()]
        try:
            if fitting:
                self._channel.write(fitting)
        except BaseSSHError:
            if self.is_closed() and self._session.is_alive():
                return 0  # the command ended before it had read its input, as a login shell that runs nothing does
            raise
        return len(fitting)

    def send_eof(self) -> None:
        self._channel.send_eof()

    def exit_status(self) -> int | None:
        status = self._channel.get_exit_status()
        return None if status == -1 else int(status)

    def is_closed(self) -> bool:
        return bool(self._channel.is_closed())

    def wait(self, until: float, for_write: bool, input_done: bool) -> Wait:
        return self._session.wait_for(select.POLLIN | (select.POLLOUT if self._is_pending() else 0), until)

    def _is_pending(self) -> bool:
        return bool(self._connection.get_poll_flags() & WRITE_PENDING)
