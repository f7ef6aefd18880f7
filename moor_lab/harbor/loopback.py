"""moor's way to a Harbor on this machine."""

from typing import Any

from moor.connections.apis.harbor import HarborPlugin

LOOPBACK = "127.0.0.1"


class OnLoopback(HarborPlugin):
    """moor's connection plugin, but to loopback, which no inventory takes for a registry's address."""

    def open(self, hostname: str | None, *words: Any, **named: Any) -> None:
        """Prepare a client."""
        super().open(LOOPBACK, *words, **named)
