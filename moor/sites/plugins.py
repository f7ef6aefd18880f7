"""Nornir's connection plugins, imported when the first host needs them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from nornir.core.plugins.connections import CONNECTIONS_PLUGIN_PATH, ConnectionPlugin, ConnectionPluginRegister


@dataclass(frozen=True, eq=False)
class AtFirstUse:
    """Stands for a plugin's class in Nornir's register, which calls it to make a plugin.

    Nornir imports every installed plugin at its start, used or not; Netmiko alone brings 260 modules.
    """

    entry_point: EntryPoint

    def __call__(self) -> ConnectionPlugin:
        """Make a plugin."""
        plugin: ConnectionPlugin = self.entry_point.load()()
        return plugin

    def __eq__(self, other: object) -> bool:
        """Be the class that it stands for, so that Nornir's own registering finds no other under the name."""
        return self is other or other == self.entry_point.load()

    __hash__ = object.__hash__


def register_connections() -> None:
    """Do what Nornir's ``auto_register`` does, without an import; a name that is taken stays as it is."""
    for found in entry_points(group=CONNECTIONS_PLUGIN_PATH):
        if found.name not in ConnectionPluginRegister.available:
            ConnectionPluginRegister.register(found.name, AtFirstUse(found))  # type: ignore[arg-type]
