"""Access lists that moor once put on a device and that are to go, from the saved configuration too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.devices.device import device_of
from moor.connections.names import NETMIKO
from moor.context import context_of
from moor.resources.base import State
from moor.settings import optional_settings_of
from moor.tasks.devices.access_lists import KIND, AccessList
from moor.tasks.devices.acl.text import ListOnDevice
from moor.tasks.devices.keeping import keep_configuration
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.devices.settings import AccessListSettings

USUAL = str(AccessListSettings.model_fields["name"].default)


@dataclass(frozen=True)
class RetiredList(AccessList):
    """The absence of an access list; it goes as it came, with the device's undo armed meanwhile."""

    def desired(self, actual: State | None) -> State | None:
        return None

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return ""

    def read(self, task: Task) -> State | None:
        """Return the list; also one that only the saved configuration has, so that a reload would bring it back."""
        procedure = PLATFORMS[self.platform].procedure()
        device = device_of(task.host, task.nornir.config)
        configuration = self.configuration_on(device)
        keep_configuration(task, device, self.platform, configuration)
        text, saved = self.dialect.find(configuration, self.name).text, ""
        if procedure.startup:
            startup = device_of(task.host, task.nornir.config).configuration(procedure.startup)
            saved = self.dialect.find(self.dialect.started(startup), self.name).text
        if not text and not saved:
            return None
        return {"configuration": f"{text or saved}\n", "saved": "yes" if saved or not procedure.startup else "no"}


def retired_lists(host: Host, leaves: bool) -> Iterator[RetiredList]:
    """Yield the lists that moor may have put on a device and the inventory no longer has; all if it leaves."""
    platform = host.get_connection_parameters(NETMIKO).platform or ""
    if platform not in PLATFORMS:
        return
    settings, order = optional_settings_of(host, AccessListSettings), context_of(host).retirement
    wanted = settings.name if settings else ""
    written = order.written_on.get(host.name, frozenset()) if order else frozenset[str]()
    names = {USUAL, *(one.removeprefix(f"{KIND}:") for one in written if one.startswith(f"{KIND}:"))}
    for name in sorted(names | {wanted} - {""} if leaves else names - {wanted}):
        yield RetiredList(name, platform, (), ListOnDevice(""))
