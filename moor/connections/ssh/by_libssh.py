"""Sessions by libssh, a library in C: half the work of paramiko's, and other hosts' threads run meanwhile.

Host keys, jump hosts, sudo and limits are those of every other session. Of Netmiko's many parameters it takes those
below, and refuses the others.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from traceback import clear_frames
from typing import ClassVar

from moor.connections.ssh.become_root import EXEC
from moor.connections.ssh.destination import find
from moor.connections.ssh.exchange import Received, converse
from moor.connections.ssh.failures import NO_CHANNEL, NO_SSH, Failure, failure_of, jump
from moor.connections.ssh.link import Link, open_link
from moor.connections.ssh.session import Errors, SSHSession
from moor.errors import HostError, InputError

try:
    from ssh.channel import Channel
    from ssh.exceptions import EOF, BaseSSHError
    from ssh.session import Session as Connection

    from moor.connections.ssh.libssh_login import log_in, until
except ImportError as error:
    raise InputError(
        f"connection_options.shell.extras.backend: libssh: {error}; pip install ssh-python brings it"
    ) from error

LOGIN = frozenset(("key_file", "passphrase", "password", "secret", "use_keys", "allow_agent"))
UNDERSTOOD = LOGIN | {"conn_timeout", "auth_timeout", "banner_timeout", "ssh_strict", "ssh_host_key", "known_hosts"}
READ = 64 * 1024
GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR
WRITE_PENDING = 8  # SSH_WRITE_PENDING of libssh.h


class LibsshSession(SSHSession):
    """A ``Shell``.

    libssh closes the socket when the last reference to its session goes, of which every channel holds one, and must
    not be told to before. An exception's traceback keeps references too, so that its frames are cleared here.
    """

    BROKEN: ClassVar[Errors] = (EOFError, OSError, BaseSSHError)
    _connection: Connection | None = None
    _link: Link | None = None
    _descriptor = -1  # of the link's socket, which libssh owns and closes

    def connect(self) -> None:
        if strange := sorted(set(self.parameters) - UNDERSTOOD):
            raise InputError(
                f"{self.host_name}: connection_options.shell.extras: libssh takes no {', '.join(strange)}; "
                "leave it out, or leave out backend: libssh"
            )
        try:
            self._log_in()
        except (HostError, UnicodeError, EOFError, OSError, BaseSSHError) as error:
            why = self._why(error)
            self._leave(error)
            raise why.at(self.place) from None
        except InputError as error:
            self._leave(error)
            raise

    def _leave(self, error: Exception) -> None:
        clear_frames(error.__traceback__)
        self.close()

    def _log_in(self) -> None:
        config = self.place.configuration
        files = config.ssh.config_file if config else None
        known_hosts, bounds = str(self.parameters.get("known_hosts") or ""), self.parameters
        destination = find(self.host_name, self.place.port or 22, self.place.username or "", files, known_hosts)
        self._link = open_link(destination, bounds["conn_timeout"])
        self._link.setblocking(False)
        self._descriptor = self._link.detach()
        end = time.monotonic() + bounds["banner_timeout"] + bounds["auth_timeout"]
        connection = Connection()
        connection.set_socket(self._descriptor)
        self._connection = connection
        log_in(connection, destination, self.parameters, partial(self._wait, end))

    def _why(self, error: Exception) -> Failure:
        """Explain why there is no connection."""
        if isinstance(error, HostError):
            return Failure(error.kind, str(error))
        if self._link and (words := " ".join(self._link.last_words().split())):
            return jump(words)
        if isinstance(error, TimeoutError) and self._link:
            return NO_SSH
        return failure_of(error)

    def _wait(self, end: float, flags: int = select.POLLIN) -> None:
        """Wait for the socket; raises TimeoutError at ``end``."""
        left = end - time.monotonic()
        if left <= 0 or not self.polled(flags, left):
            raise TimeoutError

    def polled(self, flags: int, timeout_s: float) -> int:
        """Wait for the socket to be as ``flags`` say, and give how it is; 0 is as it was."""
        if self._link is None:
            raise EOFError
        poll = select.poll()
        poll.register(self._descriptor, flags | select.POLLRDHUP)
        found = poll.poll(max(0.0, timeout_s) * 1000)
        return found[0][1] if found else 0

    def is_alive(self) -> bool:
        connection = self._connection
        return connection is not None and connection.is_connected() and not self.polled(0, 0) & GONE

    def exchange(self, pieces: Iterator[bytes], heard: Received, timeout_s: float) -> int:
        end = time.monotonic() + timeout_s
        if self._connection is None:
            raise EOFError
        channel = self._connection.channel_new()
        try:
            opening = min(end, time.monotonic() + self.parameters["conn_timeout"])
            until(channel.open_session, partial(self._wait, opening))
            until(partial(channel.request_exec, EXEC), partial(self._wait, end))
            return converse(LibsshWire(self, self._connection, channel), pieces, heard, end)
        except BaseException as error:
            clear_frames(error.__traceback__)
            raise
        finally:
            with suppress(*self.BROKEN):
                channel.close()
            del channel

    def refused(self, error: Exception) -> Failure | None:
        return NO_CHANNEL if isinstance(error, TimeoutError) else None

    def close(self) -> None:
        self._connection = None
        if self._link is not None:
            self._link.close()
            self._link = None


class LibsshWire:
    """A ``Wire`` over libssh's channel; whoever asks for what has arrived takes it from the socket."""

    def __init__(self, session: LibsshSession, connection: Connection, channel: Channel) -> None:
        self._session, self._connection, self._channel = session, connection, channel

    def take(self, heard: Received) -> bool:
        stdout, stderr = self._piece(False), self._piece(True)
        if stdout or stderr:
            heard.add(stdout, stderr)
        return bool(stdout or stderr)

    def _piece(self, is_stderr: bool) -> bytes:
        try:
            _, piece = self._channel.read_nonblocking(READ, is_stderr)
        except EOF:
            return b""
        found: bytes = piece
        return found

    def ready(self) -> bool:
        # What the socket did not take is kept in memory: no more of it than fits the socket's own buffer twice.
        return self._channel.window_size() > 0 and not self._is_pending()

    def send(self, piece: bytes) -> int:
        # The binding tries for ever to send what the window has no room for.
        room = piece[: self._channel.window_size()]
        try:
            if room:
                self._channel.write(room)
        except BaseSSHError:
            if self.closed() and self._session.is_alive():
                return 0  # the command ended before it had heard everything, as a login shell does that runs none
            raise
        return len(room)

    def send_eof(self) -> None:
        self._channel.send_eof()

    def code(self) -> int | None:
        code = self._channel.get_exit_status()
        return None if code == -1 else int(code)

    def closed(self) -> bool:
        return bool(self._channel.is_closed())

    def rest(self, timeout_s: float, blocked: bool, over: bool) -> None:
        flags = select.POLLIN | (select.POLLOUT if self._is_pending() else 0)
        self._session.polled(flags, timeout_s)

    def _is_pending(self) -> bool:
        return bool(self._connection.get_poll_flags() & WRITE_PENDING)
