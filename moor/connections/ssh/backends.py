"""The choice of the SSH library by which a host is reached; only that one is imported."""

from __future__ import annotations

from typing import Any

from nornir.core.configuration import Config

from moor.connections.ssh.session import ConnectionTarget, SSHSession, netmiko_parameters
from moor.errors import InputError
from moor.script_result import LIMIT_BYTES

BACKENDS = ("netmiko", "libssh", "libssh2")
DEFAULT = "netmiko"


def open_session(
    hostname: str | None,
    username: str | None,
    password: str | None,
    port: int | None,
    extras: dict[str, Any],
    configuration: Config | None,
) -> SSHSession:
    """Connect with Nornir's parameters; raises InputError if they are wrong, HostError if the host is not reached."""
    session = make_session(hostname, username, password, port, extras, configuration)
    session.connect()
    return session


def make_session(
    hostname: str | None,
    username: str | None,
    password: str | None,
    port: int | None,
    extras: dict[str, Any],
    configuration: Config | None,
) -> SSHSession:
    """Return a session that is yet to be connected, by ``connect`` or ``connect_steps``; raises InputError."""
    if not hostname:
        raise InputError("a host without hostname cannot be reached; write one in the inventory")
    extras = dict(extras)
    limit_bytes, backend = extras.pop("limit_bytes", LIMIT_BYTES), extras.pop("backend", DEFAULT)
    target = ConnectionTarget(hostname, username, port, configuration)
    return _import_session_class(backend)(target, netmiko_parameters(extras, password), limit_bytes)


def blocks(extras: dict[str, Any]) -> bool:
    """Return whether the library that ``extras`` choose blocks; raises InputError if it is missing."""
    return _import_session_class(extras.get("backend", DEFAULT)).BLOCKS


def _import_session_class(backend: str) -> type[SSHSession]:
    """Import one of the libraries, and return its session class."""
    if backend == "netmiko":
        from moor.connections.ssh.netmiko_session import NetmikoSession

        return NetmikoSession
    if backend == "libssh":
        from moor.connections.ssh.libssh_session import LibsshSession

        return LibsshSession
    if backend == "libssh2":
        from moor.connections.ssh.libssh2_session import Libssh2Session

        return Libssh2Session
    raise InputError(f"connection_options.shell.extras.backend: {backend!r}; it is {' or '.join(BACKENDS)}")
