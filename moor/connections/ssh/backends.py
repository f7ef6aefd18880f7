"""The choice of the SSH library by which a host is reached; only that one is imported."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from nornir.core.configuration import Config

from moor.connections.ssh.fitting_session import Choice, FittingSession
from moor.connections.ssh.session import ConnectionTarget, SSHSession, netmiko_parameters
from moor.connections.ssh.socket_session import UNDERSTOOD
from moor.errors import InputError
from moor.script_result import LIMIT_BYTES

# By name: the module that is needed, and where the session is.
LIBRARIES = {
    "libssh2": ("ssh2", "ssh2-python", "moor.connections.ssh.libssh2_session", "Libssh2Session"),
    "libssh": ("ssh", "ssh-python", "moor.connections.ssh.libssh_session", "LibsshSession"),
    "netmiko": ("netmiko", "netmiko", "moor.connections.ssh.netmiko_session", "NetmikoSession"),
}
BACKENDS = tuple(LIBRARIES)
# The libraries that moor chooses from by itself, the fastest first. libssh2 is taken only if the inventory names it:
# the newest wheel of ssh2-python in November 2026, 1.2.0.post1, brings libssh2 1.11.1, in which flaws are known that a
# host can use before its key is checked (CVE-2026-55200 and others).
CHOICES = ("libssh", "netmiko")


def make_session(
    hostname: str | None,
    username: str | None,
    password: str | None,
    port: int | None,
    extras: dict[str, Any],
    configuration: Config | None,
) -> FittingSession:
    """Return a session that is yet to be connected, by ``connect`` or ``connect_steps``; raises InputError."""
    if not hostname:
        raise InputError("a host without hostname cannot be reached; write one in the inventory")
    choices, extras = choices_of(extras), dict(extras)
    limit_bytes, _ = extras.pop("limit_bytes", LIMIT_BYTES), extras.pop("backend", None)
    target = ConnectionTarget(hostname, username, port, configuration)
    parameters = netmiko_parameters(extras, password)
    return FittingSession(partial(_make, target, parameters, limit_bytes), choices)


def _make(target: ConnectionTarget, parameters: dict[str, Any], limit: int, of: type[SSHSession]) -> SSHSession:
    return of(target, parameters, limit)


def blocks(extras: dict[str, Any]) -> bool:
    """Return whether the library that is tried first blocks; raises InputError if the one that is named is missing."""
    return next(choices_of(extras)).session_class.BLOCKS


def choices_of(extras: dict[str, Any]) -> Iterator[Choice]:
    """Yield the libraries to try, in order; raises InputError if the one that ``extras`` name is missing."""
    if named := extras.get("backend"):
        yield Choice(_session_class(named), f"backend: {named}")
        return
    if others := sorted(set(extras) - UNDERSTOOD - {"limit_bytes"}):
        yield Choice(_session_class("netmiko"), f"only Netmiko takes {', '.join(others)} of its extras")
        return
    missing: list[str] = []
    for name in CHOICES:
        module, package, *_ = LIBRARIES[name]
        if is_installed(module):
            why = f"{missing[0]} is not installed, which is faster" if missing else "the fastest"
            yield Choice(_session_class(name), why)
        else:
            missing.append(package)


def fastest() -> str:
    """Return the name of the library that a host is reached by, if nothing speaks against it."""
    return next(name for name in CHOICES if is_installed(LIBRARIES[name][0]))


@lru_cache
def is_installed(module: str) -> bool:
    """Return whether a module can be imported."""
    return find_spec(module) is not None


@lru_cache
def _session_class(backend: str) -> type[SSHSession]:
    """Import one of the libraries, and return its session class."""
    if backend not in LIBRARIES:
        raise InputError(f"connection_options.shell.extras.backend: {backend!r}; it is {' or '.join(LIBRARIES)}")
    _, package, module, name = LIBRARIES[backend]
    try:
        found: type[SSHSession] = getattr(import_module(module), name)
    except ImportError as error:
        raise InputError(
            f"connection_options.shell.extras.backend: {backend}: {error}; pip install {package} brings it"
        ) from error
    return found
