"""Placeholders on the controller for connections that a worker holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nornir.core.configuration import Config
from nornir.core.inventory import Host

from moor.errors import ErrorKind, HostError


class RemoteConnection:
    """A connection that is open on a worker; ``let_go`` is called when the controller closes it."""

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go

    def open(
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Do nothing; the worker opened the connection itself."""

    def close(self) -> None:
        """Have the worker close it."""
        self._let_go()

    @property
    def connection(self) -> Any:
        """Raise HostError, since only a task, which runs on the worker, can use the connection."""
        raise HostError("this connection is open on a worker; use it in a task", ErrorKind.INTERNAL)


def show_connections(host: Host, names: Iterable[str], let_go: Callable[[str], None]) -> None:
    """Add placeholders to ``host`` for the worker's connections; the controller's own connections stay."""
    if "shell" in names:
        host.connections.setdefault("shell", RemoteConnection(lambda: let_go(host.name)))
