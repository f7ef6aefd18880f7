"""The access list of a device as a resource: read, changed with the device's undo armed, confirmed and saved."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.connections.devices.device import (
    Device,
    beginning_of,
    close_device,
    device_of,
    find_refusal,
    reopen_device,
    second_device,
)
from moor.engine.plan import differing_fields
from moor.errors import ErrorKind, HostError
from moor.resources.base import Remote, State
from moor.secrets.device_secrets import strike_secrets
from moor.tasks.devices.acl.changes import ChangeProcedure
from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, difference_of, find_obstacles
from moor.tasks.devices.effect_fields import CUT, planned_effect
from moor.tasks.devices.keeping import keep_configuration, without_passing
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.devices.retired import KIND

NOT_AS_SENT = "the device did not accept the change as it was sent, or somebody else changed the list meanwhile"
TAKEN_BACK = (
    "the device took the change back before it was confirmed, as it does when its time is over or somebody else rolls "
    "back; see who is at work on it and why it is slow, then run again"
)


@dataclass(frozen=True)
class AccessList(Remote):
    """An access list on some interfaces of a device, in the running and in the saved configuration.

    Attributes:
        wanted: the desired list, in the form of the device's configuration
    """

    name: str
    platform: str
    interfaces: tuple[str, ...]
    wanted: ListOnDevice = field(hash=False)

    @property
    def id(self) -> str:
        return f"{KIND}:{self.name}"

    @property
    def dialect(self) -> ListSyntax:
        return PLATFORMS[self.platform].lists

    def desired(self, actual: State | None) -> State | None:
        wanted = {"configuration": f"{self.wanted.text}\n", "saved": "yes"}
        return wanted | planned_effect(actual or {}) if differing_fields(actual, wanted) else wanted

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return str((actual or {}).get(CUT, ""))

    def read(self, task: Task) -> State | None:
        procedure = PLATFORMS[self.platform].procedure()
        device = device_of(task.host, task.nornir.config)
        configuration = self._configuration(device, procedure)
        lasting = keep_configuration(task, device, self.platform, configuration)
        text = self._unobstructed(configuration)
        effect = self._effect(task, configuration) if text != self.wanted.text else {}
        if not text:
            return effect or None
        saved = self._saved(device_of(task.host, task.nornir.config), procedure, configuration, lasting)
        return {"configuration": f"{text}\n", "saved": "yes" if saved else "no", **effect}

    def _effect(self, task: Task, configuration: str) -> State:
        """Return what the change would do to packets."""
        # Most plans have no device, and need none of this.
        from moor.tasks.devices.effects import effect_state
        from moor.tasks.devices.fleet_flows import fleet_flows

        flows = list(fleet_flows(task))
        return effect_state(self.platform, configuration, self.wanted.text, self.name, flows)

    def _running(self, device: Device, procedure: ChangeProcedure) -> str:
        """Return the list in the running configuration.

        Raises:
            HostError: an interface is missing or has another list
        """
        return self._unobstructed(self._configuration(device, procedure))

    def _unobstructed(self, configuration: str) -> str:
        """Return the list in a configuration.

        Raises:
            HostError: an interface is missing or has another list
        """
        found = self.dialect.find(configuration, self.name)
        if wrong := find_obstacles(found, self.wanted, self.interfaces):
            raise HostError("\n".join(f"{self.id}: {line}" for line in wrong))
        return found.text

    def _list_on(self, device: Device, procedure: ChangeProcedure) -> ListOnDevice:
        return self.dialect.find(self._configuration(device, procedure), self.name)

    def configuration_on(self, device: Device) -> str:
        """Return the running configuration; raise HostError if the device does not print all of it."""
        return self._configuration(device, PLATFORMS[self.platform].procedure())

    def _configuration(self, device: Device, procedure: ChangeProcedure) -> str:
        """Return the running configuration.

        Raises:
            HostError: the device refused to show it, or did not show all of it
        """
        command = procedure.running
        configuration = device.configuration(command)
        try:
            self.dialect.check(configuration)
        except ValueError as error:
            if refusal := find_refusal(beginning_of(configuration)):
                raise HostError(f"{self.id}: the device refused {command!r}: {refusal}", ErrorKind.REFUSED) from None
            words = strike_secrets(str(error))  # it may show a line
            raise HostError(
                f"{self.id}: {command!r} printed no complete configuration: {words}; nothing was sent", ErrorKind.ANSWER
            ) from None
        return configuration

    def _saved(self, device: Device, procedure: ChangeProcedure, running: str, lasting: str) -> bool:
        """Return whether the device starts with the list that is in its running configuration.

        Args:
            lasting: ``running`` without what differs from print to print
        """
        if not procedure.startup:
            return True
        startup = device.configuration(procedure.startup)
        if startup == running or without_passing(startup) == lasting:
            return True
        # A device without a saved configuration prints a message instead, which contains no list.
        started = self.dialect.find(self.dialect.started(startup), self.name)
        return started.text == self.dialect.find(running, self.name).text

    def write(self, task: Task, actual: State | None) -> None:
        host, configuration = task.host, task.nornir.config
        procedure = PLATFORMS[self.platform].procedure()
        before = self._running(device_of(host, configuration), procedure)
        if lines := self.dialect.remedy(before, self.wanted.text, self.name):
            self._change(task, procedure, before, lines)
        try:
            procedure.save(device_of(host, configuration))
        except HostError as error:
            words = "the running configuration is right, but a reload would lose it; correct that, then run again"
            raise HostError(f"{self.id}: {error}; {words}") from error

    def _change(self, task: Task, procedure: ChangeProcedure, before: str, lines: Sequence[str]) -> None:
        host, configuration = task.host, task.nornir.config
        try:
            procedure.change(device_of(host, configuration), lines)
        except HostError as error:
            raise HostError(f"{self.id}: {error}; {self._undo(task, procedure, before)}", error.kind) from error
        try:
            now = self._over_new_connection(task, procedure)
        except HostError as error:
            close_device(host)
            raise HostError(f"{self.id}: after the change, {error}; {procedure.promise}", error.kind) from error
        if self.dialect.remedy(now, self.wanted.text, self.name):
            sent = f"{NOT_AS_SENT}: {difference_of(now, self.wanted.text)}"
            words = TAKEN_BACK if now == before and procedure.has_timer else sent
            raise HostError(f"{self.id}: {words}; {self._undo(task, procedure, before)}")
        self._confirm(device_of(host, configuration), procedure)

    def _confirm(self, device: Device, procedure: ChangeProcedure) -> None:
        """Confirm a change, and read again: a device that has undone it may say nothing of that."""
        try:
            procedure.confirm(device)
            now = self._running(device, procedure)
        except HostError as error:
            words = f"the change was made, but not confirmed: {error}"
            raise HostError(f"{self.id}: {words}; {procedure.promise}, unless it has done so already") from error
        if self.dialect.remedy(now, self.wanted.text, self.name):
            raise HostError(f"{self.id}: {TAKEN_BACK}", ErrorKind.CONFLICT)

    def _over_new_connection(self, task: Task, procedure: ChangeProcedure) -> str:
        """Return the list as it is now, read over a new connection, which proves that the device can be reached."""
        host, configuration = task.host, task.nornir.config
        if not procedure.one_session:
            return self._running(reopen_device(host, configuration), procedure)
        with second_device(host, configuration) as device:
            return self._running(device, procedure)

    def _undo(self, task: Task, procedure: ChangeProcedure, before: str) -> str:
        """Undo a change over a new connection, and return a sentence about the result."""
        try:
            device = reopen_device(task.host, task.nornir.config)
            now = self._list_on(device, procedure).text
            with suppress(HostError) if now == before else nullcontext():  # it has undone the change by itself
                procedure.undo(device, self.dialect.remedy(now, before, self.name))
            now = self._list_on(device, procedure).text
        except HostError as error:
            return f"moor could not undo it: {error}; {procedure.promise}"
        if now != before:
            return f"after the undo the list differs from what it was before; check {self.name} on the device"
        return "nothing of the change is left"


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
