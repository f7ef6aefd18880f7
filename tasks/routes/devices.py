"""The task that sets the static routes of network devices, by the procedure of their access lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import InputError
from moor.resources.base import Resource, State
from moor.settings import optional_settings_of
from moor.tasks.devices.access_lists import platform_of
from moor.tasks.devices.acl.text import ListSyntax
from moor.tasks.devices.list_resource import AccessList, RetiredList
from moor.tasks.routes.device_syntax import MARK, ROUTES
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import Route, wanted_routes

DEVICES = "devices"


def desired(host: Host) -> Sequence[Resource]:
    """Return the static routes of a device; nothing without the section.

    Raises:
        InputError: a route cannot be made of the settings, or moor does not know the platform
    """
    settings = optional_settings_of(host, Routes)
    if settings is None:
        return []
    if settings.interface or any(hop.is_link_local for hop in (*settings.via, *settings.to.values())):
        raise InputError(
            f"{host.name}: data.routes of a device has next hops alone, no interface and no link-local one"
        )
    return [_resource(platform_of(host), wanted_routes(host, settings))]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of moor's routes, where the inventory has no section for the device or it leaves."""
    if not host.has_parent_group(DEVICES) or not (leaves or optional_settings_of(host, Routes) is None):
        return []
    return [_resource(platform_of(host), ())]


def _resource(platform: str, routes: Sequence[Route]) -> AccessList:
    kind = DeviceRoutes if routes else RetiredRoutes
    return kind(MARK, platform, (), ROUTES[platform].wanted(routes))


def set_device_routes(task: Task) -> Result:
    """Make a device reach the registry, and other networks, by the next hops that the inventory names."""
    return converge(task, desired)


@dataclass(frozen=True)
class DeviceRoutes(AccessList):
    """The static routes of a device, in the running and in the saved configuration.

    ``name`` is the mark of moor's routes; those of others to the same networks are an error.
    """

    @property
    def id(self) -> str:
        return "routes:static"

    @property
    def dialect(self) -> ListSyntax:
        return ROUTES[self.platform]

    def _effect(self, task: Task, configuration: str) -> State:
        return {}  # access lists alone let packets pass or not


@dataclass(frozen=True)
class RetiredRoutes(DeviceRoutes, RetiredList):
    """The absence of moor's static routes."""

    def desired(self, actual: State | None) -> State | None:
        return RetiredList.desired(self, actual)

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return ""

    def read(self, task: Task) -> State | None:
        return RetiredList.read(self, task)
