"""The task that sets the static routes of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.names import SHELL, connection_of
from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.settings import optional_settings_of
from moor.tasks.routes.host_routes import HostRoutes
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import wanted_routes


def desired(host: Host) -> Sequence[Resource]:
    """Return the static routes of a host; nothing without the section.

    Raises:
        InputError: a route cannot be made of the settings
    """
    settings = optional_settings_of(host, Routes)
    if settings is None:
        return []
    return [HostRoutes(wanted_routes(host, settings), settings.interface, settings.undo_s)]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of moor's routes, where the inventory has no section for the host or the host leaves."""
    if connection_of(host) != SHELL or not (leaves or optional_settings_of(host, Routes) is None):
        return []
    return [HostRoutes(())]


def set_routes(task: Task) -> Result:
    """Make the host reach the registry, and other networks, by the next hops that the inventory names."""
    return converge(task, desired)
