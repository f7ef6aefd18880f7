"""Connection plugins in Nornir's register that are imported at first use."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

from nornir.core.plugins.connections import CONNECTIONS_PLUGIN_PATH, ConnectionPlugin

from moor.connections.names import NETMIKO

CHECKED_NETMIKO = EntryPoint(NETMIKO, "moor.connections.devices.connect:CheckedNetmiko", CONNECTIONS_PLUGIN_PATH)


@dataclass(frozen=True, eq=False)
class LazyPlugin:
    """A stand-in for a plugin's class in Nornir's register, which imports the class when called.

    Nornir itself imports every installed plugin at start; Netmiko alone has 260 modules.
    """

    entry_point: EntryPoint

    def __call__(self) -> ConnectionPlugin:
        """Import the plugin's class and create a plugin."""
        plugin: ConnectionPlugin = self.entry_point.load()()
        return plugin

    def __eq__(self, other: object) -> bool:
        """Compare equal to the plugin's class and those it extends, so that Nornir's registration sees no conflict."""
        return self is other or (isinstance(other, type) and issubclass(self.entry_point.load(), other))

    __hash__ = object.__hash__


def check_netmiko(available: MutableMapping[str, Any]) -> None:
    """Have moor's plugin ``netmiko`` stand where nornir-netmiko's own would.

    That one accepts any host key, and takes a secret reference for the password itself.
    """
    found = available.get(NETMIKO)
    if found is None or getattr(found, "__module__", "").startswith("nornir_netmiko."):
        available[NETMIKO] = LazyPlugin(CHECKED_NETMIKO)
