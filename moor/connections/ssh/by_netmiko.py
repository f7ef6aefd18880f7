"""Sessions by Netmiko, on paramiko: what every host is reached by unless its inventory says otherwise."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from threading import Event
from typing import ClassVar

import paramiko
from netmiko import NetmikoBaseException
from nornir_netmiko.connections.netmiko import Netmiko  # type: ignore[import-untyped]

from moor.connections.ssh.become_root import EXEC
from moor.connections.ssh.exchange import Received, converse
from moor.connections.ssh.failures import NO_CHANNEL, Failure, explain
from moor.connections.ssh.netmiko_driver import DEVICE_TYPE, MoorLinux, hang_up
from moor.connections.ssh.session import Errors, SSHSession
from moor.connections.ssh.watchdog import WATCHDOG
from moor.errors import ErrorKind, InputError

READ = 256 * 1024
HEAP = 16  # packets; 512 KiB at most, of 2 MiB that paramiko lets a host send before we take any
BLOCKED_S = 0.005  # how soon to look again whether the host takes more
WATCHDOG_S = 3.0  # past the deadline: something in paramiko waits without a bound of its own


class NetmikoSession(SSHSession):
    """A ``Shell``; ``netmiko`` is the session for who wants Netmiko's own methods."""

    BROKEN: ClassVar[Errors] = (EOFError, OSError, paramiko.SSHException)
    _plugin: Netmiko | None = None

    @property
    def netmiko(self) -> MoorLinux:
        """Netmiko's session."""
        if self._plugin is None:
            raise EOFError
        session: MoorLinux = self._plugin.connection
        return session

    def connect(self) -> None:
        """Open the transport; raises HostError."""
        plugin, place = Netmiko(), self.place
        try:
            plugin.open(
                hostname=place.hostname,
                username=place.username or "",
                password=None,
                port=place.port,
                platform=DEVICE_TYPE,
                extras=self.parameters,
                configuration=place.configuration,
            )
        except (EOFError, OSError, UnicodeError, paramiko.SSHException, NetmikoBaseException) as error:
            raise explain(error, place) from error
        except TypeError as error:
            raise InputError(f"{place.hostname}: connection_options.shell.extras: {error}") from error
        self._plugin = plugin

    def is_alive(self) -> bool:
        return self._plugin is not None and self.netmiko.is_alive()

    def exchange(self, pieces: Iterator[bytes], heard: Received, timeout_s: float) -> int:
        deadline, transport = time.monotonic() + timeout_s, self.netmiko.transport
        channel = None
        with WATCHDOG.over(timeout_s + WATCHDOG_S, partial(hang_up, transport)):
            try:
                channel = transport.open_session(timeout=min(timeout_s, self.parameters["conn_timeout"]))
                channel.exec_command(EXEC)
                return converse(ParamikoWire(channel), pieces, heard, deadline)
            finally:
                if channel is not None:
                    with suppress(*self.BROKEN):
                        channel.close()

    def refused(self, error: Exception) -> Failure | None:
        if isinstance(error, paramiko.SSHException) and "Timeout opening channel" in str(error):
            return NO_CHANNEL
        if isinstance(error, paramiko.ChannelException):
            return Failure(ErrorKind.REFUSED, f"sshd refused to run a command: {error.text}")
        return None

    def close(self) -> None:
        if self._plugin is not None:
            self._plugin.close()


class Nudge(Event):
    """Wakes on either output; paramiko's buffers clear an event when one of them is empty, which we do ourselves.

    To be woken costs as much as to take a packet, so that who has nothing to say any more is woken by the end alone,
    or by as many packets as leave room in paramiko's window.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        super().__init__()
        # The channel's buffers hold us: were it held in turn, only a search for garbage would end it.
        self._channel, self._packets, self.lazy = weakref.proxy(channel), 0, False

    def set(self) -> None:
        """Wake who waits, if it is worth it; paramiko's thread calls this before each packet, and at the end."""
        self._packets += 1
        if not self.lazy or self._packets % HEAP == 0 or self._channel.eof_received or self._channel.closed:
            super().set()

    def clear(self) -> None:
        """Leave it; ``rest`` clears."""

    def rest(self, timeout_s: float, lazy: bool) -> None:
        """Wait for the next nudge."""
        self.lazy = lazy
        self.wait(timeout_s)
        super().clear()


class ParamikoWire:
    """A ``Wire`` over paramiko's channel, whose packets its own thread takes from the socket."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel, self._nudge = channel, Nudge(channel)
        channel.in_buffer.set_event(self._nudge)
        channel.in_stderr_buffer.set_event(self._nudge)

    def take(self, heard: Received) -> bool:
        before = len(heard.stdout) + len(heard.stderr)
        while self._channel.recv_ready():
            heard.add(stdout=self._channel.recv(READ))
        while self._channel.recv_stderr_ready():
            heard.add(stderr=self._channel.recv_stderr(READ))
        return len(heard.stdout) + len(heard.stderr) > before

    def ready(self) -> bool:
        return self._channel.send_ready()

    def send(self, piece: bytes) -> int:
        try:
            return self._channel.send(piece)
        except OSError:
            if self.closed() and self._channel.get_transport().is_active():
                return 0  # the command ended before it had heard everything
            raise

    def send_eof(self) -> None:
        self._channel.shutdown_write()

    def code(self) -> int | None:
        return self._channel.exit_status if self._channel.status_event.is_set() else None

    def closed(self) -> bool:
        return self._channel.closed

    def rest(self, timeout_s: float, blocked: bool, over: bool) -> None:
        # nobody tells when the host takes more
        self._nudge.rest(min(timeout_s, BLOCKED_S) if blocked else timeout_s, lazy=over)
