"""Registration of Nornir's connection plugins without importing them; each is imported at first use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from nornir.core.plugins.connections import CONNECTIONS_PLUGIN_PATH, ConnectionPlugin, ConnectionPluginRegister


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
        """Compare equal to the plugin's class, so that Nornir's own registration sees no conflict."""
        return self is other or other == self.entry_point.load()

    __hash__ = object.__hash__


def register_connections() -> None:
    """Register every installed connection plugin without importing it; registered names stay as they are."""
    for found in entry_points(group=CONNECTIONS_PLUGIN_PATH):
        if found.name not in ConnectionPluginRegister.available:
            ConnectionPluginRegister.register(found.name, LazyPlugin(found))  # type: ignore[arg-type]
