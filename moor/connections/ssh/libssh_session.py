"""SSH sessions by libssh, a C library that needs half of paramiko's CPU time and lets other threads run meanwhile.

Host keys, jump hosts, sudo and limits are the same as with Netmiko. Of Netmiko's many parameters it takes those listed
in ``UNDERSTOOD``, and refuses the others.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from traceback import clear_frames
from typing import ClassVar

from moor.connections.ssh.become_root import BOOTSTRAP
from moor.connections.ssh.destination import find_destination
from moor.connections.ssh.exchange import ChannelOutput, transfer_steps
from moor.connections.ssh.failures import NO_CHANNEL, NO_SSH, Failure, failure_of, jump_host_failure
from moor.connections.ssh.host_socket import HostSocket, host_socket_steps
from moor.connections.ssh.session import Errors, SSHSession
from moor.connections.ssh.steps import Steps, Wait
from moor.errors import HostError, InputError

try:
    from ssh.channel import Channel
    from ssh.exceptions import EOF, BaseSSHError
    from ssh.session import Session as Connection

    from moor.connections.ssh.libssh_login import call_steps, login_steps
except ImportError as error:
    raise InputError(
        f"connection_options.shell.extras.backend: libssh: {error}; pip install ssh-python brings it"
    ) from error

LOGIN = frozenset(("key_file", "passphrase", "password", "secret", "use_keys", "allow_agent"))
UNDERSTOOD = LOGIN | {"conn_timeout", "auth_timeout", "banner_timeout", "ssh_strict", "ssh_host_key", "known_hosts"}
READ = 64 * 1024
WRITE_PENDING = 8  # SSH_WRITE_PENDING of libssh.h


class LibsshSession(SSHSession):
    """A ``Shell`` over libssh.

    libssh closes the socket when the last reference to its session is dropped, and must not be asked to before. Every
    channel holds a reference, and so does the traceback of an exception; hence the calls of ``clear_frames``.
    """

    BROKEN: ClassVar[Errors] = (EOFError, OSError, BaseSSHError)
    _connection: Connection | None = None
    _socket: HostSocket | None = None
    _descriptor = -1  # of the socket, which libssh owns and closes

    def connect_steps(self) -> Steps[None]:
        if unknown := sorted(set(self.parameters) - UNDERSTOOD):
            raise InputError(
                f"{self.host_name}: connection_options.shell.extras: libssh takes no {', '.join(unknown)}; "
                "leave it out, or leave out backend: libssh"
            )
        try:
            yield from self._login_steps()
        except (HostError, UnicodeError, EOFError, OSError, BaseSSHError) as error:
            failure = self._failure_of(error)
            self._discard(error)
            raise failure.at(self.target) from None
        except InputError as error:
            self._discard(error)
            raise

    def _discard(self, error: Exception) -> None:
        clear_frames(error.__traceback__)
        self.close()

    def _login_steps(self) -> Steps[None]:
        config = self.target.configuration
        files = config.ssh.config_file if config else None
        known_hosts, bounds = str(self.parameters.get("known_hosts") or ""), self.parameters
        port, username = self.target.port or 22, self.target.username or ""
        destination = find_destination(self.host_name, port, username, files, known_hosts)
        self._socket = yield from host_socket_steps(destination, bounds["conn_timeout"])
        self._descriptor = self._socket.detach()
        end = time.monotonic() + bounds["banner_timeout"] + bounds["auth_timeout"]
        connection = Connection()
        connection.set_socket(self._descriptor)
        self._connection = connection
        yield from login_steps(connection, destination, self.parameters, partial(self._wait_steps, end))

    def _failure_of(self, error: Exception) -> Failure:
        """Explain why the login failed; what a ProxyCommand printed counts before all else."""
        if isinstance(error, HostError):
            return Failure(error.kind, str(error))
        if self._socket and (printed := " ".join(self._socket.proxy_errors().split())):
            return jump_host_failure(printed)
        if isinstance(error, TimeoutError) and self._socket:
            return NO_SSH
        return failure_of(error)

    def _wait_steps(self, end: float) -> Steps[None]:
        """Wait for the socket; raises TimeoutError at ``end``."""
        if not (yield self.wait_for(select.POLLIN, end)):
            raise TimeoutError

    def wait_for(self, flags: int, until: float) -> Wait:
        """Return the wait for events on the socket, the host's hanging up among them."""
        return Wait(self._descriptor, flags | select.POLLRDHUP, until)

    def _is_gone(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLRDHUP)
        return bool(poll.poll(0))

    def is_alive(self) -> bool:
        connection = self._connection
        return connection is not None and connection.is_connected() and not self._is_gone()

    def exchange_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        end = time.monotonic() + timeout_s
        if self._connection is None:
            raise EOFError
        channel = self._connection.channel_new()
        try:
            opening = min(end, time.monotonic() + self.parameters["conn_timeout"])
            yield from call_steps(channel.open_session, partial(self._wait_steps, opening))
            yield from call_steps(partial(channel.request_exec, BOOTSTRAP), partial(self._wait_steps, end))
            return (yield from transfer_steps(LibsshChannel(self, self._connection, channel), pieces, output, end))
        except BaseException as error:
            clear_frames(error.__traceback__)
            raise
        finally:
            with suppress(*self.BROKEN):
                channel.close()
            del channel

    def explain_no_channel(self, error: Exception) -> Failure | None:
        return NO_CHANNEL if isinstance(error, TimeoutError) else None

    def close(self) -> None:
        self._connection = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


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
