"""Which library a host is reached by; the others are not imported."""

from __future__ import annotations

from typing import Any

from nornir.core.configuration import Config

from moor.connections.ssh.session import Place, SSHSession, netmiko_parameters
from moor.errors import InputError
from moor.script_result import LIMIT_BYTES

BACKENDS = ("netmiko", "libssh")
DEFAULT = "netmiko"


def open_session(
    hostname: str | None,
    username: str | None,
    password: str | None,
    port: int | None,
    extras: dict[str, Any],
    configuration: Config | None,
) -> SSHSession:
    """Connect with Nornir's parameters; raises InputError for wrong ones, HostError otherwise."""
    if not hostname:
        raise InputError("a host without hostname cannot be reached; write one in the inventory")
    extras = dict(extras)
    limit, backend = extras.pop("limit_bytes", LIMIT_BYTES), extras.pop("backend", DEFAULT)
    session = _class_of(backend)(
        Place(hostname, username, port, configuration), netmiko_parameters(extras, password), limit
    )
    session.connect()
    return session


def _class_of(backend: str) -> type[SSHSession]:
    """Import the library that a host is reached by, and no other."""
    if backend == "netmiko":
        from moor.connections.ssh.by_netmiko import NetmikoSession

        return NetmikoSession
    if backend == "libssh":
        from moor.connections.ssh.by_libssh import LibsshSession

        return LibsshSession
    raise InputError(f"connection_options.shell.extras.backend: {backend!r}; it is {' or '.join(BACKENDS)}")
