"""The command line of moor, whose registries are on loopback, whatever their addresses are."""

from __future__ import annotations

import socket
from typing import Any

from nornir.core.plugins.connections import ConnectionPluginRegister

from moor.cli import main
from moor_lab.harbor.loopback import LOOPBACK, OnLoopback

RESOLVE = socket.getaddrinfo


def resolve(host: Any, *words: Any, **named: Any) -> Any:
    """Resolve a name of the benchmark to loopback."""
    return RESOLVE(LOOPBACK if str(host).endswith(".bench.test") else host, *words, **named)


if __name__ == "__main__":
    ConnectionPluginRegister.available["harbor"] = OnLoopback
    socket.getaddrinfo = resolve
    main()
