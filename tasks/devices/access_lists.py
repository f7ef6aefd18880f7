"""Access lists on the routers and firewalls between the nodes and the registry, so that members reach its port.

A host of the group ``devices`` is such a device; ``platform`` says which command line it has. Others' lists are left
alone. Every change arms its own undo first where the platform can, is read again over a new connection, and only then
confirmed and saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field

from moor.connections.devices.device import Device, device_of, find_refusal, reopen_device
from moor.connections.devices.platforms import napalm_hint
from moor.connections.names import NETMIKO
from moor.context import site_of
from moor.engine.converge import converge
from moor.errors import ErrorKind, HostError, InputError
from moor.resources.base import Remote, Resource, State
from moor.settings import Section, settings_of
from moor.suggestions import did_you_mean
from moor.tasks.access import opening_of
from moor.tasks.devices.acl.changes import (
    ChangeProcedure,
    Checkpoint,
    CommitConfirm,
    CommitConfirmed,
    Revert,
    SessionTimer,
)
from moor.tasks.devices.acl.commands import JUNOS, VYOS
from moor.tasks.devices.acl.sections import EOS, IOS, NXOS
from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, find_obstacles
from moor.templates import render

ListName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,57}$")]
InterfaceName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9/._:-]{0,63}$")]

PLATFORMS: Mapping[str, tuple[str, ListSyntax, type[ChangeProcedure]]] = {
    "cisco_ios": ("cisco_ios.j2", IOS, Revert),
    "cisco_xe": ("cisco_ios.j2", IOS, Revert),
    "cisco_nxos": ("cisco_nxos.j2", NXOS, Checkpoint),
    "arista_eos": ("arista_eos.j2", EOS, SessionTimer),
    "juniper_junos": ("juniper_junos.j2", JUNOS, CommitConfirmed),
    "vyos": ("vyos.j2", VYOS, CommitConfirm),
}


class AccessListSettings(Section):
    """The access list of a device; what it permits comes from ``access`` and ``registry``.

    Attributes:
        name: the list is moor's own, whole
        interfaces: where it filters, each with its direction
        rest: what becomes of everything but the registry's port
        first_rule: VyOS: number of the first rule of the forward chain that jumps to the list
    """

    section: ClassVar[str] = "access_list"

    interfaces: dict[InterfaceName, Literal["in", "out"]]
    name: ListName = "MOOR-REGISTRY"
    rest: Literal["permit", "deny"] = "permit"
    first_rule: Annotated[int, Field(ge=1, le=999000)] = 10


def desired(host: Host) -> Sequence[Resource]:
    """Return the one list of a device, in the device's own words."""
    platform = platform_of(host)
    settings, opening = settings_of(host, AccessListSettings), opening_of(host)
    if opening.address.version == 6:
        raise InputError(
            f"{host.name}: data.registry.address is IPv6, for which moor writes no access lists on devices"
        )
    template, dialect, _ = PLATFORMS[platform]
    text = render(
        f"devices/{template}",
        site_of(host).directory,
        **settings.model_dump(),
        address=opening.address,
        port=opening.port,
        members=opening.members,
    )
    return [AccessList(settings.name, platform, tuple(settings.interfaces), dialect.find(text, settings.name))]


def platform_of(host: Host) -> str:
    """Return the name by which Netmiko opens the device; raises InputError where moor writes no lists for it."""
    platform = host.get_connection_parameters(NETMIKO).platform or ""
    if platform in PLATFORMS:
        return platform
    meant = napalm_hint(platform) or did_you_mean(platform, PLATFORMS)
    raise InputError(f"{host.name}: platform {platform!r}{meant} (moor writes access lists for {', '.join(PLATFORMS)})")


def write_access_lists(task: Task) -> Result:
    """Make the device let members reach the registry's port, and nobody else."""
    return converge(task, desired)


@dataclass(frozen=True)
class AccessList(Remote):
    """Hold an access list on some interfaces of a device, and what the device starts with too.

    Attributes:
        wanted: the list as the device's configuration has it
    """

    name: str
    platform: str
    interfaces: tuple[str, ...]
    wanted: ListOnDevice = field(hash=False)

    @property
    def id(self) -> str:
        return f"acl:{self.name}"

    @property
    def dialect(self) -> ListSyntax:
        return PLATFORMS[self.platform][1]

    def desired(self, actual: State | None) -> State:
        return {"configuration": f"{self.wanted.text}\n", "saved": "yes"}

    def read(self, task: Task) -> State | None:
        procedure = PLATFORMS[self.platform][2]()
        device = device_of(task.host, task.nornir.config)
        text = self._running(device, procedure)
        if not text:
            return None
        return {"configuration": f"{text}\n", "saved": "yes" if self._saved(device, procedure, text) else "no"}

    def _running(self, device: Device, procedure: ChangeProcedure) -> str:
        """Return the list as it runs; raises HostError where something else is in its way."""
        found = self._found(device, procedure)
        if wrong := find_obstacles(found, self.wanted, self.interfaces):
            raise HostError("\n".join(f"{self.id}: {line}" for line in wrong))
        return found.text

    def _found(self, device: Device, procedure: ChangeProcedure) -> ListOnDevice:
        command = procedure.running
        configuration = device.configuration(command)
        try:
            self.dialect.check(configuration)
        except ValueError as error:
            if refusal := find_refusal(configuration):
                raise HostError(f"{self.id}: the device refused {command!r}: {refusal}", ErrorKind.REFUSED) from error
            raise HostError(
                f"{self.id}: {command!r} gave no whole configuration: {error}; nothing was sent", ErrorKind.ANSWER
            ) from error
        return self.dialect.find(configuration, self.name)

    def _saved(self, device: Device, procedure: ChangeProcedure, text: str) -> bool:
        if not procedure.startup:
            return True
        # Where it has none yet, it says so, and in those words is no list.
        started = self.dialect.started(device.configuration(procedure.startup))
        return self.dialect.find(started, self.name).text == text

    def write(self, task: Task, actual: State | None) -> None:
        host, configuration = task.host, task.nornir.config
        procedure = PLATFORMS[self.platform][2]()
        before = self._running(device_of(host, configuration), procedure)
        if lines := self.dialect.remedy(before, self.wanted.text, self.name):
            self._change(task, procedure, before, lines)
        try:
            procedure.save(device_of(host, configuration))
        except HostError as error:
            raise HostError(
                f"{self.id}: {error}; what runs is right, but a reload would lose it: mend that, then run again"
            ) from error

    def _change(self, task: Task, procedure: ChangeProcedure, before: str, lines: Sequence[str]) -> None:
        host, configuration = task.host, task.nornir.config
        try:
            procedure.change(device_of(host, configuration), lines)
        except HostError as error:
            raise HostError(f"{self.id}: {error}; {self._taken_back(task, procedure, before)}", error.kind) from error
        try:
            device = reopen_device(host, configuration)
            now = self._running(device, procedure)
        except HostError as error:
            raise HostError(f"{self.id}: after the change, {error}; {procedure.promise}", error.kind) from error
        if left := self.dialect.remedy(now, self.wanted.text, self.name):
            words = f"the device took it otherwise than it was sent: {left[-1].strip()!r} is left to do"
            raise HostError(f"{self.id}: {words}; {self._taken_back(task, procedure, before)}")
        procedure.confirm(device)

    def _taken_back(self, task: Task, procedure: ChangeProcedure, before: str) -> str:
        """Undo a change over a new connection, and say what became of it."""
        try:
            device = reopen_device(task.host, task.nornir.config)
            now = self._found(device, procedure).text
            procedure.undo(device, self.dialect.remedy(now, before, self.name))
            now = self._found(device, procedure).text
        except HostError as error:
            return f"it could not be taken back from here: {error}; {procedure.promise}"
        if now != before:
            return f"undoing it left something else than before; look at the device's list {self.name}"
        return "nothing of the change is left"
