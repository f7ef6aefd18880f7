"""SSH sessions by Netmiko and paramiko, which know more parameters and algorithms than the libraries in C."""

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

from moor.connections.ssh.become_root import BOOTSTRAP
from moor.connections.ssh.blocking_session import BlockingSession
from moor.connections.ssh.exchange import ChannelOutput, transfer_steps
from moor.connections.ssh.failures import NO_CHANNEL, NO_COMMAND, Failure, explain
from moor.connections.ssh.netmiko_driver import DEVICE_TYPE, MoorLinux, hang_up
from moor.connections.ssh.session import Errors
from moor.connections.ssh.steps import finish
from moor.connections.ssh.watchdog import WATCHDOG
from moor.errors import InputError

READ = 256 * 1024
COLLECTED = 16  # packets, 512 KiB at most; paramiko lets a host send 2 MiB before we have to read any
IDLE_S = 0.5  # the longest wait before the channel is checked again
BLOCKED_S = 0.005  # how often to check whether the host accepts more input
WATCHDOG_S = 3.0  # time past the deadline after which a call of paramiko that has no bound of its own is ended


class NetmikoSession(BlockingSession):
    """A ``Shell`` over paramiko; ``netmiko`` is the session for callers of Netmiko's own methods."""

    BROKEN: ClassVar[Errors] = (EOFError, OSError, paramiko.SSHException)
    NAME = "netmiko"
    _plugin: Netmiko | None = None

    @property
    def netmiko(self) -> MoorLinux:
        """Return Netmiko's session; raises EOFError if it is closed."""
        if self._plugin is None:
            raise EOFError
        session: MoorLinux = self._plugin.connection
        return session

    def connect(self) -> None:
        plugin, target = Netmiko(), self.target
        try:
            plugin.open(
                hostname=target.hostname,
                username=target.username or "",
                password=None,
                port=target.port,
                platform=DEVICE_TYPE,
                extras=self.parameters,
                configuration=target.configuration,
            )
        except (EOFError, OSError, UnicodeError, paramiko.SSHException, NetmikoBaseException) as error:
            raise explain(error, target) from error
        except TypeError as error:
            raise InputError(f"{target.hostname}: connection_options.shell.extras: {error}") from error
        self._plugin = plugin

    def is_alive(self) -> bool:
        return self._plugin is not None and self.netmiko.is_alive()

    def exchange(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> int:
        deadline, transport = time.monotonic() + timeout_s, self.netmiko.transport
        channel = None
        with WATCHDOG.limit(timeout_s + WATCHDOG_S, partial(hang_up, transport)):
            try:
                channel = transport.open_session(timeout=min(timeout_s, self.parameters["conn_timeout"]))
                channel.exec_command(BOOTSTRAP)
                return finish(transfer_steps(ParamikoChannel(channel), pieces, output, deadline))
            finally:
                if channel is not None:
                    with suppress(*self.BROKEN):
                        channel.close()

    def explain_no_channel(self, error: Exception) -> Failure | None:
        if isinstance(error, paramiko.SSHException) and "Timeout opening channel" in str(error):
            return NO_CHANNEL
        if isinstance(error, paramiko.ChannelException):
            return NO_COMMAND
        return None

    def explain_way(self) -> str:
        sock = self.netmiko.host_socket if self._plugin else None
        return sock.proxy_errors() if sock else ""

    def close(self) -> None:
        if self._plugin is not None:
            self._plugin.close()


class DataReady(Event):
    """An event that is set when a channel's stdout or stderr has data, and cleared by us alone.

    paramiko clears its event as soon as one of the two buffers is empty. Waking a thread costs as much as reading a
    packet, so that once all input is sent (``is_collecting``) a thread that waits for output wakes when the command
    ends, or when a number of packets have arrived that still leaves room in paramiko's window.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        super().__init__()
        # The channel's buffers refer to this event. A strong reference back would be a cycle, which only the garbage
        # collector could free.
        self._channel, self._packets, self.is_collecting = weakref.proxy(channel), 0, False

    def set(self) -> None:
        """Wake the thread that waits, if it is worth it; paramiko's thread calls this at each packet and at the end."""
        self._packets += 1
        is_full = self._packets % COLLECTED == 0
        if not self.is_collecting or is_full or self._channel.eof_received or self._channel.closed:
            super().set()

    def clear(self) -> None:
        """Do nothing, since paramiko calls this too early; ``wait_and_clear`` clears."""

    def wait_and_clear(self, timeout_s: float, is_collecting: bool) -> None:
        """Wait until the event is set, then clear it."""
        self.is_collecting = is_collecting
        self.wait(timeout_s)
        super().clear()


class ParamikoChannel:
    """An ``ExecChannel`` over paramiko's channel, whose own thread reads packets from the socket."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel, self._data_ready = channel, DataReady(channel)
        channel.in_buffer.set_event(self._data_ready)
        channel.in_stderr_buffer.set_event(self._data_ready)

    def receive(self, output: ChannelOutput) -> bool:
        before = len(output.stdout) + len(output.stderr)
        while self._channel.recv_ready():
            output.add(stdout=self._channel.recv(READ))
        while self._channel.recv_stderr_ready():
            output.add(stderr=self._channel.recv_stderr(READ))
        return len(output.stdout) + len(output.stderr) > before

    def is_writable(self) -> bool:
        return self._channel.send_ready()

    def send(self, piece: bytes) -> int:
        try:
            return self._channel.send(piece)
        except OSError:
            if self.is_closed() and self._channel.get_transport().is_active():
                return 0  # the command ended before it had read all of its input
            raise

    def send_eof(self) -> None:
        self._channel.shutdown_write()

    def exit_status(self) -> int | None:
        return self._channel.exit_status if self._channel.status_event.is_set() else None

    def is_closed(self) -> bool:
        return self._channel.closed

    def wait(self, until: float, for_write: bool, input_done: bool) -> None:
        # paramiko has no event for a host that accepts more input, so that this is checked again and again
        longest = BLOCKED_S if for_write else IDLE_S
        self._data_ready.wait_and_clear(max(0.0, min(longest, until - time.monotonic())), input_done)
