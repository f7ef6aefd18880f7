"""SSH sessions by libssh2, the C library that needs the least CPU time for a login."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from traceback import clear_frames
from typing import Any, ClassVar

from ssh2.channel import Channel
from ssh2.error_codes import LIBSSH2_ERROR_EAGAIN as AGAIN
from ssh2.exceptions import ChannelFailure, ChannelRequestDenied, SSH2Error
from ssh2.session import LIBSSH2_SESSION_BLOCK_INBOUND as INBOUND
from ssh2.session import LIBSSH2_SESSION_BLOCK_OUTBOUND as OUTBOUND
from ssh2.session import Session as Connection

from moor.connections.ssh.become_root import BOOTSTRAP
from moor.connections.ssh.destination import Destination
from moor.connections.ssh.exchange import ChannelOutput, transfer_steps
from moor.connections.ssh.failures import NO_COMMAND, Failure
from moor.connections.ssh.host_socket import HostSocket
from moor.connections.ssh.libssh2_keys import private_key
from moor.connections.ssh.libssh2_login import authentication_steps, handshake_steps
from moor.connections.ssh.session import Errors
from moor.connections.ssh.socket_session import SocketSession
from moor.connections.ssh.steps import Steps, Wait

READ = 64 * 1024
CLOSE_S = 1.0  # how long a host may take to confirm that a channel is closed


class Lease:
    """The descriptor of a socket, which is closed once nothing of libssh2's refers to it any longer.

    libssh2 may still write when its session is freed; by then the number must not be another connection's.
    """

    def __init__(self, sock: HostSocket) -> None:
        self._sock = sock

    def fileno(self) -> int:
        """Return the number."""
        return self._sock.fileno()

    def __del__(self) -> None:
        self._sock.close()


class Libssh2Session(SocketSession):
    """A ``Shell`` over libssh2."""

    BROKEN: ClassVar[Errors] = (EOFError, OSError, SSH2Error)
    NAME = "libssh2"
    _connection: Connection | None = None

    def login_steps(self, destination: Destination, sock: HostSocket, end: float) -> Steps[None]:
        connection = self._connection = Connection()
        call = partial(self._call_steps, end)
        yield from handshake_steps(connection, Lease(sock), destination, self.parameters, call)
        self.is_known = True
        yield from authentication_steps(connection, destination, self.parameters, call)

    def read_key(self, path: Path, passphrase: str | None) -> object:
        return private_key(path, passphrase)

    def has_connection(self) -> bool:
        return self._connection is not None

    def drop_connection(self) -> None:
        self._connection = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.hang_up()
        if self._connection is None:
            super().close()
        self._connection = self._socket = None  # the last reference closes the socket

    def _call_steps(self, end: float, call: Callable[[], Any]) -> Steps[Any]:
        """Repeat a non-blocking call of libssh2, waiting for the socket in between, until it is done."""
        while (result := call()) == AGAIN or (result is None and self._directions()):
            yield from self.wait_steps(self.flags(), end)
        return result

    def _directions(self) -> int:
        if self._connection is None:
            raise EOFError
        return int(self._connection.block_directions())

    def flags(self) -> int:
        """Return the events for which the last call waits."""
        found = self._directions()
        return (select.POLLIN if found & INBOUND or not found else 0) | (select.POLLOUT if found & OUTBOUND else 0)

    def is_stuck(self) -> bool:
        """Return whether a packet is sent in part; only the same call may then follow."""
        return bool(self._directions() & OUTBOUND)

    def exchange_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        end = time.monotonic() + timeout_s
        opening = min(end, time.monotonic() + self.parameters["conn_timeout"])
        channel = None
        try:
            channel = yield from self._call_steps(opening, self._open_channel)
            yield from self._call_steps(end, partial(channel.execute, BOOTSTRAP))
            return (yield from transfer_steps(Libssh2Channel(self, channel), pieces, output, end))
        except Exception as error:
            clear_frames(error.__traceback__)
            if channel is not None:
                yield from self._close_steps(channel)
            raise
        finally:
            if channel is not None:
                with suppress(*self.BROKEN):
                    channel.close()
                del channel

    def _open_channel(self) -> Any:
        if self._connection is None:
            raise EOFError
        return self._connection.open_session()

    def _close_steps(self, channel: Channel) -> Steps[None]:
        """Close a channel whose command may still run; a connection on which that hangs is of no use."""
        try:
            yield from self._call_steps(time.monotonic() + CLOSE_S, channel.close)
        except self.BROKEN as error:
            clear_frames(error.__traceback__)
            if self.is_stuck():
                self.close()

    def explain_no_channel(self, error: Exception) -> Failure | None:
        if isinstance(error, ChannelFailure | ChannelRequestDenied):
            return NO_COMMAND
        return super().explain_no_channel(error)


class Libssh2Channel:
    """An ``ExecChannel`` over libssh2's channel.

    A packet that the socket takes only in part must be finished by the same call before another sends anything, which
    reading does too, when it opens the window.
    """

    def __init__(self, session: Libssh2Session, channel: Channel) -> None:
        self._session, self._channel = session, channel
        self._is_reading = self._is_writing = self._owes_eof = False  # which call is to be finished

    def receive(self, output: ChannelOutput) -> bool:
        if self._is_writing or not self._send_owed_eof():
            return False
        stdout, stderr = self._read(0), self._read(1)
        if stdout or stderr:
            output.add(stdout, stderr)
        return bool(stdout or stderr)

    def _read(self, stream: int) -> bytes:
        code, piece = self._channel.read_ex(READ, stream)
        self._is_reading = code == AGAIN and self._session.is_stuck()
        content: bytes = piece
        return content

    def is_writable(self) -> bool:
        return not self._is_reading and not self._owes_eof

    def send(self, piece: bytes) -> int:
        try:
            code, sent = self._channel.write(piece)
        except SSH2Error:
            if self.is_closed() and self._session.is_alive():
                return 0  # the command ended before it had read its input
            raise
        self._is_writing = code == AGAIN and self._session.is_stuck()
        return int(sent)

    def send_eof(self) -> None:
        self._owes_eof = True
        self._send_owed_eof()

    def _send_owed_eof(self) -> bool:
        """Send the end of input if that is due; return whether nothing is due any longer."""
        if self._owes_eof and not self._is_reading:
            self._owes_eof = self._channel.send_eof() == AGAIN
        return not self._owes_eof or self._is_reading

    def exit_status(self) -> int | None:
        # 0 stands for no status too; the announcement of the end tells that
        return self._channel.get_exit_status() or (-1 if self.is_closed() else None)

    def is_closed(self) -> bool:
        return bool(self._channel.eof()) and self._channel.wait_closed() == 0

    def wait(self, until: float, for_write: bool, input_done: bool) -> Wait:
        return self._session.wait_for(self._session.flags(), until)
