"""Netmiko's device type ``moor_linux``: a session whose interactive shell opens at the first send_command."""

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

from moor.connections.ssh.buffered import Buffered
from moor.connections.ssh.destination import Destination, find
from moor.connections.ssh.host_keys import known_of, name_of
from moor.connections.ssh.link import Link, linked, tune
from moor.connections.ssh.private_keys import private_key
from moor.connections.ssh.unknown_key import UnknownHostKey
from moor.errors import InputError

DEVICE_TYPE = "moor_linux"
JOIN_S = 5  # how long paramiko's thread may take to see that it is over
IDLE_S = 5  # paramiko's thread wakes ten times a second on a silent connection, as long as nobody says otherwise
ONCE_MORE = "Invalid packet blocking"  # paramiko, about once in 3000 connects

# Without a handler of its own, a library's errors land on stderr; every failure reaches the user by an exception.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Keeps the key that was shown, so that its fingerprint can be told."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise UnknownHostKey(key)


class Keyring(dict[str, paramiko.PKey]):
    """The keys of one host by their types, the first of each, as ``SSHClient.connect`` asks for them.

    paramiko's own store makes a class at each look into it, which costs more than the look.
    """

    def __init__(self, keys: Iterable[paramiko.PKey]) -> None:
        for key in keys:
            self.setdefault(key.get_name(), key)

    def keys(self) -> list[str]:  # type: ignore[override]
        """List the types."""
        return list(self)


class MoorLinux(LinuxSSH):
    """Netmiko's Linux session, connected without an interactive shell, always with strict host keys."""

    def __init__(self, *, ssh_host_key: str | list[str] = "", known_hosts: str = "", **parameters: Any) -> None:
        self.known_hosts = known_hosts
        self.pins = {"ssh_host_key": ssh_host_key, "known_hosts": known_hosts}
        self.remote_conn_pre: paramiko.SSHClient | None = None
        self.link: Link | None = None
        super().__init__(**parameters)

    def _key_check(self) -> bool:
        return True  # Netmiko's wants a key_file with use_keys; without one, the keys of ~/.ssh are tried

    @cached_property
    def destination(self) -> Destination:
        """Return where the session goes."""
        return find(self.host, self.port, self.username, self.ssh_config_file, self.known_hosts)

    def _connect_params_dict(self) -> dict[str, Any]:
        found = self.destination
        parameters = super()._connect_params_dict() if not self.ssh_config_file else self._without_config()
        self.link = linked(found.proxy) if found.proxy and not self.sock else None
        return parameters | {
            "hostname": found.hostname,
            "port": found.port,
            "username": found.username,
            "password": self.password or None,
            "pkey": self.pkey or self._private_key(found.identities),
            "key_filename": None,
            "look_for_keys": self.use_keys and not found.identities_only,
            "allow_agent": self.allow_agent and not found.identities_only,
            "sock": self.link or self.sock,
            "transport_factory": fast_transport,
        }

    def _private_key(self, identities: Sequence[Path]) -> paramiko.PKey | None:
        """Read the key that the inventory names, else the first of ssh_config's that needs no passphrase of its own."""
        passphrase = self.passphrase or self.password
        if self.key_file:
            return private_key(Path(self.key_file), passphrase)
        for path in identities:
            with suppress(InputError):  # the agent may hold it
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
        client, name = self._get_ssh_client_instance(), name_of(found.hostname, found.port)
        if keyring := Keyring(known_of(self.pins, found.key_name, found.known_hosts)):
            client._system_host_keys = {name: keyring}  # type: ignore[attr-defined]
        client.set_missing_host_key_policy(RefuseUnknown())
        return client

    def establish_connection(self, width: int = 511, height: int = 1000) -> None:
        """Connect, once more where paramiko stumbled; raises what paramiko raises, which Netmiko would blur."""
        try:
            self._connect()
        except paramiko.SSHException as error:
            if ONCE_MORE not in str(error):
                raise
            self._connect()

    def _connect(self) -> None:
        client, failure = self._build_ssh_client(), None
        try:
            client.connect(**self._connect_params_dict())
        except BaseException as error:  # raised below, where what a command said does not have it as its context
            failure = error
        self.remote_conn_pre = client
        if failure:
            words = self.link.last_words() if self.link else ""
            self._close()
            cut = isinstance(failure, EOFError | OSError | paramiko.SSHException)
            try:
                raise paramiko.ProxyCommandFailure("", words) if words and cut else failure
            finally:
                del failure  # whose traceback holds this frame
        self.transport.sock.settimeout(IDLE_S)
        if self.keepalive:
            self.transport.set_keepalive(self.keepalive)
            self.transport.sock.settimeout(min(IDLE_S, self.keepalive))

    def _try_session_preparation(self, force_data: bool = True) -> None:
        """Leave it to the first word that is written to an interactive shell."""

    @property
    def transport(self) -> paramiko.Transport:
        """Return the open transport, for channels of our own; raises EOFError where it was closed."""
        transport = self.remote_conn_pre.get_transport() if self.remote_conn_pre else None
        if transport is None:
            raise EOFError
        return transport

    def is_alive(self) -> bool:
        """Return whether the transport is up."""
        return self.remote_conn_pre is not None and self.transport.is_active()

    def _open_interactive(self) -> None:
        if self.remote_conn is None and self.remote_conn_pre is not None:
            self.remote_conn = self.remote_conn_pre.invoke_shell(term="vt100", width=511, height=1000)
            self.remote_conn.settimeout(self.blocking_timeout)
            self.channel = SSHChannel(conn=self.remote_conn, encoding=self.encoding)
            self.session_preparation()

    def write_channel(self, out_data: str) -> None:
        """Write to the interactive shell, opened now if it was not."""
        self._open_interactive()
        super().write_channel(out_data)

    def read_channel(self) -> str:
        """Read from the interactive shell, opened now if it was not."""
        self._open_interactive()
        return super().read_channel()

    def cleanup(self, command: str = "exit") -> None:
        """Leave the interactive shell, if there is one."""
        if self.remote_conn is not None:
            super().cleanup(command)

    def disconnect(self) -> None:
        """Close everything; twice is fine."""
        self.cleanup()
        self._close()
        super().disconnect()

    def _close(self) -> None:
        transport = self.remote_conn_pre.get_transport() if self.remote_conn_pre else None
        if transport is not None:
            hang_up(transport)
            transport.join(JOIN_S)
        if self.link is not None:
            self.link.close()


def hang_up(transport: paramiko.Transport) -> None:
    """Close a transport at once: closing a socket alone wakes nobody who waits for it."""
    if isinstance(transport.sock, Buffered):
        with suppress(OSError):
            transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()


class QuietTransport(paramiko.Transport):
    """Prefers AES-GCM, a third of the work of the default, and does without work that nobody sees the result of."""

    _preferred_ciphers = tuple(
        sorted(paramiko.Transport._preferred_ciphers, key=lambda name: "gcm" not in name)  # type: ignore[attr-defined]
    )

    def __init__(self, sock: Any, **options: Any) -> None:
        super().__init__(sock, **options)
        # A thread for what ``SSHClient.connect`` bounds already.
        self.packetizer.start_handshake = lambda timeout: None  # type: ignore[method-assign]

    def _parse_debug(self, message: paramiko.Message) -> None:
        """Leave what sshd says of its own work, which paramiko words for its log letter by letter, log or no log."""

    def _filter_algorithm(self, kind: str) -> tuple[str, ...]:
        """List the algorithms of a kind, each time that paramiko asks; it looks for those that are disabled itself."""
        if self.disabled_algorithms:
            return super()._filter_algorithm(kind)  # type: ignore[misc,no-any-return]
        preferred: tuple[str, ...] = getattr(self, f"_preferred_{kind}")
        return preferred


def fast_transport(sock: Any, **options: Any) -> paramiko.Transport:
    """Return a transport that reads in large pieces and notices a dead host."""
    transport = QuietTransport(Buffered(sock) if isinstance(sock, socket.socket) else sock, **options)
    if isinstance(sock, socket.socket):
        tune(sock)
    return transport


def register() -> None:
    """Make ``moor_linux`` known to Netmiko."""
    # The package has a function of the module's name in its place.
    dispatcher: Any = sys.modules["netmiko.ssh_dispatcher"]
    if DEVICE_TYPE not in dispatcher.platforms:
        dispatcher.CLASS_MAPPER[DEVICE_TYPE] = MoorLinux
        dispatcher.platforms.append(DEVICE_TYPE)


register()
