"""The Netmiko device type ``moor_linux``, whose interactive shell opens at the first send_command only."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import paramiko
from netmiko.channel import SSHChannel
from netmiko.linux import LinuxSSH

from moor.connections.ssh.buffered_socket import BufferedSocket
from moor.connections.ssh.destination import Destination, find_destination
from moor.connections.ssh.host_keys import accepted_keys, known_hosts_name
from moor.connections.ssh.host_socket import HostSocket, open_indirect_socket
from moor.connections.ssh.private_keys import private_key
from moor.connections.ssh.tcp import has_hung_up, tune_socket
from moor.connections.ssh.unknown_key import UnknownHostKey
from moor.errors import InputError

DEVICE_TYPE = "moor_linux"
JOIN_S = 5  # how long paramiko's thread may take to end
IDLE_S = 5  # the socket's timeout; with paramiko's own, its thread wakes ten times a second on a silent connection
RETRIED = "Invalid packet blocking"  # a fault of paramiko, about once in 3000 connects

# Without a handler of its own, a library's errors land on stderr; every failure reaches the user by an exception.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class RefuseUnknownKey(paramiko.MissingHostKeyPolicy):
    """A policy that refuses a host whose key is not known, with the key's fingerprint in the error."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnknownHostKey(key)


class Keyring(dict[str, paramiko.PKey]):
    """The keys of one host, the first of each type, in the form that ``SSHClient.connect`` expects.

    paramiko's own store defines a class at each lookup, which takes longer than the lookup.
    """

    def __init__(self, keys: Iterable[paramiko.PKey]) -> None:
        for key in keys:
            self.setdefault(key.get_name(), key)

    def keys(self) -> list[str]:  # type: ignore[override]
        """List the key types."""
        return list(self)


class MoorLinux(LinuxSSH):
    """A Linux session of Netmiko without an interactive shell, always with strict host keys."""

    def __init__(self, *, ssh_host_key: str | list[str] = "", known_hosts: str = "", **parameters: Any) -> None:
        self.known_hosts = known_hosts
        self.pins = {"ssh_host_key": ssh_host_key, "known_hosts": known_hosts}
        self.remote_conn_pre: paramiko.SSHClient | None = None
        self.host_socket: HostSocket | None = None
        super().__init__(**parameters)

    def _key_check(self) -> bool:
        return True  # Netmiko requires a key_file with use_keys; here the keys of ~/.ssh are tried without one

    @cached_property
    def destination(self) -> Destination:
        """Return the host's address and the way to it, completed by ssh_config."""
        return find_destination(self.host, self.port, self.username, self.ssh_config_file, self.known_hosts)

    def _connect_params_dict(self) -> dict[str, Any]:
        found = self.destination
        parameters = super()._connect_params_dict() if not self.ssh_config_file else self._without_config()
        self.host_socket = None if self.sock else open_indirect_socket(found)
        return parameters | {
            "hostname": found.hostname,
            "port": found.port,
            "username": found.username,
            "password": self.password or None,
            "pkey": self.pkey or self._private_key(found.identities),
            "key_filename": None,
            "look_for_keys": self.use_keys and not found.identities_only,
            "allow_agent": self.allow_agent and not found.identities_only,
            "sock": self.host_socket or self.sock,
            "transport_factory": make_transport,
        }

    def _private_key(self, identities: Sequence[Path]) -> paramiko.PKey | None:
        """Read the key that the inventory names, or else the first of ssh_config that can be read."""
        passphrase = self.passphrase or self.password
        if self.key_file:
            return private_key(Path(self.key_file), passphrase)
        for path in identities:
            with suppress(InputError):  # not there, or encrypted: the agent may hold it
                return private_key(path, passphrase)
        return None

    def _without_config(self) -> dict[str, Any]:
        path, self.ssh_config_file = self.ssh_config_file, None
        try:
            return super()._connect_params_dict()
        finally:
            self.ssh_config_file = path

    def _build_ssh_client(self) -> paramiko.SSHClient:
        found = self.destination
        client, name = self._get_ssh_client_instance(), known_hosts_name(found.hostname, found.port)
        if keyring := Keyring(accepted_keys(self.pins, found.key_name, found.known_hosts)):
            client._system_host_keys = {name: keyring}  # type: ignore[attr-defined]
        client.set_missing_host_key_policy(RefuseUnknownKey())
        return client

    def establish_connection(self, width: int = 511, height: int = 1000) -> None:
        """Connect; try once more after the known fault of paramiko. Raises paramiko's exceptions, not Netmiko's."""
        try:
            self._connect()
        except paramiko.SSHException as error:
            if RETRIED not in str(error):
                raise
            self._connect()

    def _connect(self) -> None:
        client, failure = self._build_ssh_client(), None
        try:
            client.connect(**self._connect_params_dict())
        except BaseException as error:  # raised below, so that it does not become the context of ProxyCommandFailure
            failure = error
        self.remote_conn_pre = client
        if failure:
            printed = self.host_socket.proxy_errors() if self.host_socket else ""
            self._close()
            is_cut = isinstance(failure, EOFError | OSError | paramiko.SSHException)
            try:
                raise paramiko.ProxyCommandFailure("", printed) if printed and is_cut else failure
            finally:
                del failure  # its traceback refers to this frame, which would be a cycle
        self.transport.sock.settimeout(IDLE_S)
        if self.keepalive:
            self.transport.set_keepalive(self.keepalive)
            self.transport.sock.settimeout(min(IDLE_S, self.keepalive))

    def _try_session_preparation(self, force_data: bool = True) -> None:
        """Do nothing; the session is prepared when the interactive shell opens."""

    @property
    def transport(self) -> paramiko.Transport:
        """Return the open transport; raises EOFError if it is closed."""
        transport = self.remote_conn_pre.get_transport() if self.remote_conn_pre else None
        if transport is None:
            raise EOFError
        return transport

    def is_alive(self) -> bool:
        """Return whether the transport is up; its thread may not have noticed yet that the host has closed it."""
        up = self.remote_conn_pre is not None and self.transport.is_active()
        return up and not has_hung_up(self.transport.sock.fileno())

    def _open_interactive(self) -> None:
        if self.remote_conn is None and self.remote_conn_pre is not None:
            self.remote_conn = self.remote_conn_pre.invoke_shell(term="vt100", width=511, height=1000)
            self.remote_conn.settimeout(self.blocking_timeout)
            self.channel = SSHChannel(conn=self.remote_conn, encoding=self.encoding)
            self.session_preparation()

    def write_channel(self, out_data: str) -> None:
        """Write to the interactive shell; open it at the first use."""
        self._open_interactive()
        super().write_channel(out_data)

    def read_channel(self) -> str:
        """Read from the interactive shell; open it at the first use."""
        self._open_interactive()
        return super().read_channel()

    def cleanup(self, command: str = "exit") -> None:
        """Exit the interactive shell, if one is open."""
        if self.remote_conn is not None:
            super().cleanup(command)

    def disconnect(self) -> None:
        """Close the shell and the connection; closing twice is fine."""
        self.cleanup()
        self._close()
        super().disconnect()

    def _close(self) -> None:
        transport = self.remote_conn_pre.get_transport() if self.remote_conn_pre else None
        if transport is not None:
            hang_up(transport)
            transport.join(JOIN_S)
        if self.host_socket is not None:
            self.host_socket.close()


def hang_up(transport: paramiko.Transport) -> None:
    """Close a transport at once; the socket is shut down first, which wakes the thread that reads it."""
    if isinstance(transport.sock, BufferedSocket):
        with suppress(OSError):
            transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()


class FastTransport(paramiko.Transport):
    """A transport that prefers AES-GCM, a third of the CPU time of the default, and skips work without effect."""

    _preferred_ciphers = tuple(
        sorted(paramiko.Transport._preferred_ciphers, key=lambda name: "gcm" not in name)  # type: ignore[attr-defined]
    )

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        # It would start a timer thread, and ``SSHClient.connect`` bounds the handshake already.
        self.packetizer.start_handshake = lambda timeout: None  # type: ignore[method-assign]

    def _parse_debug(self, message: paramiko.Message) -> None:
        """Ignore sshd's debug messages, which paramiko would format for its log even with the log off."""

    def _filter_algorithm(self, kind: str) -> tuple[str, ...]:
        """List the algorithms of a kind; paramiko filters its list at every call, even if none is disabled."""
        if self.disabled_algorithms:
            return super()._filter_algorithm(kind)  # type: ignore[misc,no-any-return]
        preferred: tuple[str, ...] = getattr(self, f"_preferred_{kind}")
        return preferred


def make_transport(sock: Any, **options: Any) -> paramiko.Transport:
    """Return a transport that reads in large pieces and notices a dead host."""
    transport = FastTransport(BufferedSocket(sock) if isinstance(sock, socket.socket) else sock, **options)
    if isinstance(sock, socket.socket):
        tune_socket(sock)
    return transport


def register() -> None:
    """Register ``moor_linux`` with Netmiko."""
    # A function of the package has the same name as this module, so that an import would return the function.
    dispatcher: Any = sys.modules["netmiko.ssh_dispatcher"]
    if DEVICE_TYPE not in dispatcher.platforms:
        dispatcher.CLASS_MAPPER[DEVICE_TYPE] = MoorLinux
        dispatcher.platforms.append(DEVICE_TYPE)


register()
