"""The task that sets the static routes of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.names import SHELL, connection_of
from moor.engine.converge import converge
from moor.errors import InputError
from moor.resources.base import Resource
from moor.settings import optional_settings_of
from moor.tasks.facts import Registry
from moor.tasks.routes.host_routes import HostRoutes
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import Route, wanted_routes


def desired(host: Host) -> Sequence[Resource]:
    """Return the static routes of a host; nothing without the section.

    Raises:
        InputError: a route cannot be made of the settings
    """
    settings = optional_settings_of(host, Routes)
    if settings is None:
        return []
    routes = wanted_routes(host, settings)
    refuse_two_makers(host, routes)
    return [HostRoutes(routes, settings.interface, settings.undo_s)]


def refuse_two_makers(host: Host, routes: Sequence[Route]) -> None:
    """Check that ``data.mtu`` does not make the same route with an MTU of its own.

    Raises:
        InputError: it would
    """
    registry = optional_settings_of(host, Registry) if host.data.get("mtu") is not None else None
    places = {str(one) for one in registry.every_address} if registry else set()
    if twice := [route.single for route in routes if route.single in places]:
        raise InputError(
            f"{host.name}: data.routes and data.mtu would both make the route to {', '.join(twice)}; write a network "
            "around it below data.routes.to, whose way data.mtu then follows"
        )


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of moor's routes, where the inventory has no section for the host or the host leaves."""
    if connection_of(host) != SHELL or not (leaves or optional_settings_of(host, Routes) is None):
        return []
    return [HostRoutes(())]


def set_routes(task: Task) -> Result:
    """Make the host reach the registry, and other networks, by the next hops that the inventory names."""
    return converge(task, desired)
