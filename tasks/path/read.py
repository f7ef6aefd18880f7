"""The tasks that read hosts and devices for ``moor path``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.task import Result, Task

from moor.connections.devices.device import device_of
from moor.engine.asking import Asking, Question, asks, refuse_failed_shell
from moor.path.device import Device, Place
from moor.path.space import Address
from moor.tasks.devices.access_lists import AccessList, desired, platform_of
from moor.tasks.devices.effects import PARSERS, planned_device
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.path.host_facts import script

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
    device, wanted = device_of(task.host, task.nornir.config), desired(task.host)
    for each in wanted:
        if isinstance(each, AccessList):
            text = each.configuration_on(device)
            return Result(
                host=task.host, result=JudgedDevice(*planned_device(each.platform, text, each.wanted.text, each.name))
            )
    platform = platform_of(task.host)
    now = PARSERS[platform](device.configuration(PLATFORMS[platform].procedure().running))
    return Result(host=task.host, result=JudgedDevice(now, now, ()))
