"""Connections that a worker holds, as the controller's hosts show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nornir.core.configuration import Config
from nornir.core.inventory import Host

from moor.errors import ErrorKind, HostError


class RemoteConnection:
    """Stands for a connection that is open on a worker; ``let_go`` is called when it is closed here."""

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
        """Refuse: what needs a host's connection has to be a task."""
        raise HostError("this connection is held by a worker", ErrorKind.INTERNAL)


def show_connections(host: Host, names: Iterable[str], let_go: Callable[[str], None]) -> None:
    """Show on ``host`` that a worker reached it; connections of the controller's own stay what they are."""
    if "shell" in names:
        host.connections.setdefault("shell", RemoteConnection(lambda: let_go(host.name)))
