"""The tasks that read hosts and devices for ``moor path``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.devices.device import device_of
from moor.engine.asking import Asking, Question, asks, refuse_failed_shell
from moor.path.device import Device, Place, Route
from moor.path.space import Address
from moor.settings import optional_settings_of
from moor.tasks.devices.access_lists import desired, platform_of
from moor.tasks.devices.effects import PARSERS, planned_device
from moor.tasks.devices.list_resource import AccessList
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.path.host_facts import script
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import wanted_routes

ASK_S = 60


@dataclass(frozen=True)
class JudgedDevice:
    """A device as it is, and as it will be.

    Attributes:
        places: those of moor's list
    """

    now: Device
    planned: Device
    places: Sequence[Place]


@asks
def read_host(task: Task, destinations: Sequence[Address] = ()) -> Asking[Result]:
    """Read a host's addresses, its routes to some destinations, and its firewall, as text for ``parse``."""
    answer = yield Question(script(destinations), ASK_S)
    refuse_failed_shell(answer)
    return Result(host=task.host, result=answer.stdout.decode("utf-8", "replace"))


def read_device(task: Task) -> Result:
    """Read a device's configuration, and work out what moor's list will be."""
    device, platform = device_of(task.host, task.nornir.config), platform_of(task.host)
    for each in desired(task.host):
        if isinstance(each, AccessList):
            now, planned, places = planned_device(platform, each.configuration_on(device), each.wanted.text, each.name)
            break
    else:
        now = planned = PARSERS[platform](device.configuration(PLATFORMS[platform].procedure().running))
        places = []
    return Result(host=task.host, result=JudgedDevice(now, with_planned_routes(task.host, planned), places))


def with_planned_routes(host: Host, device: Device) -> Device:
    """Return a device with the static routes that the inventory asks for, before those that it has."""
    settings = optional_settings_of(host, Routes)
    new = [Route(one.to, one.via) for one in wanted_routes(host, settings)] if settings else []
    return replace(device, routes=(*new, *device.routes))
