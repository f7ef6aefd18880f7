"""The base of sessions by C libraries that work on a non-blocking socket of ours."""

from __future__ import annotations

import select
import time
from abc import abstractmethod
from functools import partial
from pathlib import Path
from traceback import clear_frames

from moor.connections.ssh.credentials import KeyFile, credentials_of
from moor.connections.ssh.destination import Destination, destination_steps
from moor.connections.ssh.failures import NO_CHANNEL, NO_SSH, Failure, FailureError, failure_of, jump_host_failure
from moor.connections.ssh.host_socket import HostSocket, host_socket_steps
from moor.connections.ssh.in_thread import CALLS, in_thread
from moor.connections.ssh.session import Errors, SSHSession, UnfitLibraryError
from moor.connections.ssh.steps import Steps, Wait
from moor.connections.ssh.tcp import has_hung_up
from moor.errors import HostError, InputError

LOGIN = frozenset(("key_file", "passphrase", "password", "secret", "use_keys", "allow_agent"))
# What these sessions take of Netmiko's many parameters.
UNDERSTOOD = LOGIN | {"conn_timeout", "auth_timeout", "banner_timeout", "ssh_strict", "ssh_host_key", "known_hosts"}


class SocketSession(SSHSession):
    """A session over a socket that the library's objects keep open, and that is closed with the last of them.

    Every channel refers to the library's session, and so does the traceback of an exception; hence the calls of
    ``clear_frames``.
    """

    _socket: HostSocket | None = None
    _descriptor = -1

    @abstractmethod
    def login_steps(self, destination: Destination, sock: HostSocket, end: float) -> Steps[None]:
        """Shake hands over ``sock``, check the host's key, set ``is_known``, and log in; TimeoutError at ``end``."""

    @abstractmethod
    def read_key(self, path: Path, passphrase: str | None) -> object:
        """Read a private key with its certificate; raises InputError."""

    @abstractmethod
    def has_connection(self) -> bool:
        """Return whether the library has a connection that is logged in."""

    @abstractmethod
    def drop_connection(self) -> None:
        """Drop the library's objects."""

    def connect_steps(self) -> Steps[None]:
        if unknown := sorted(set(self.parameters) - UNDERSTOOD):
            raise InputError(
                f"{self.host_name}: connection_options.shell.extras: {self.NAME} takes no {', '.join(unknown)}; "
                f"leave it out, or leave out backend: {self.NAME}"
            )
        explained: Errors = (HostError, UnicodeError, FailureError, *self.BROKEN)
        try:
            yield from self._socket_steps()
        except InputError as error:
            self._discard(error)
            raise
        except explained as error:
            failure = yield from self._failure_steps(error)
            self._discard(error)
            raise self._error(failure) from None

    def _failure_steps(self, error: Exception) -> Steps[Failure]:
        """Explain why the login failed; a thread waits for what a ProxyCommand may have to say."""
        explain = partial(self.failure_of, error)
        return (yield from in_thread(CALLS, explain)) if self._socket and self._socket.is_carried else explain()

    def _error(self, failure: Failure) -> HostError:
        error = failure.at(self.target)
        if not failure.lack:
            return error
        words = f"{error}; another library may do: leave out backend: {self.NAME}"
        return UnfitLibraryError(words, failure.kind, failure.lack)

    def _discard(self, error: Exception) -> None:
        clear_frames(error.__traceback__)
        self.close()

    def _socket_steps(self) -> Steps[None]:
        config, bounds = self.target.configuration, self.parameters
        files = config.ssh.config_file if config else None
        known_hosts = str(self.parameters.get("known_hosts") or "")
        port, username = self.target.port or 22, self.target.username or ""
        destination = yield from destination_steps(self.host_name, port, username, files, known_hosts)
        for one in credentials_of(destination, self.parameters):
            if isinstance(one, KeyFile) and one.is_named:
                self.read_key(one.path, one.passphrase)  # a wrong path is told before anybody is contacted
        self._socket = yield from host_socket_steps(destination, bounds["conn_timeout"])
        self._descriptor = self._socket.fileno()
        end = time.monotonic() + bounds["banner_timeout"] + bounds["auth_timeout"]
        yield from self.login_steps(destination, self._socket, end)

    def failure_of(self, error: Exception) -> Failure:
        """Explain why the login failed; what a ProxyCommand printed counts before all else."""
        if isinstance(error, HostError):
            return Failure(error.kind, str(error))
        if printed := " ".join(self.explain_way().split()):
            return jump_host_failure(printed)
        if isinstance(error, TimeoutError) and self._socket:
            return NO_SSH
        return failure_of(error)

    def wait_steps(self, flags: int, end: float) -> Steps[None]:
        """Wait for events on the socket; raises TimeoutError at ``end``."""
        if not (yield self.wait_for(flags, end)):
            raise TimeoutError

    def wait_for(self, flags: int, until: float) -> Wait:
        """Return the wait for events on the socket, the host's hanging up among them."""
        return Wait(self._descriptor, flags | select.POLLRDHUP, until)

    def is_alive(self) -> bool:
        return self.has_connection() and not has_hung_up(self._descriptor)

    def explain_way(self) -> str:
        return self._socket.proxy_errors() if self._socket else ""

    def explain_no_channel(self, error: Exception) -> Failure | None:
        return NO_CHANNEL if isinstance(error, TimeoutError) else None

    def close(self) -> None:
        self.drop_connection()
        if self._socket is not None:
            self._socket.hang_up()
            self._socket.close()
            self._socket = None
