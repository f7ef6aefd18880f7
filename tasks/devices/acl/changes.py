"""How a change gets into a device so that the device takes it back by itself when nobody can confirm it."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from moor.connections.devices.device import Device
from moor.errors import HostError

UNDO_MIN = 5  # until an unconfirmed change is taken back
COMMIT_S = 120  # a large device takes its time


class ChangeProcedure(ABC):
    """One change of one device, from the first command to its confirmation.

    Attributes:
        running: the command that prints what runs
        startup: the command that prints what the device starts with; empty where that is always what runs
        promise: what the device does with a change that nobody confirms
    """

    running = "show running-config"
    startup = "show startup-config"
    promise = f"it takes the change back by itself within {UNDO_MIN} minutes"

    def __init__(self) -> None:
        self.mark = f"moor-{secrets.token_hex(3)}"

    @abstractmethod
    def change(self, device: Device, lines: Sequence[str]) -> None:
        """Arm the undo, then bring the lines into effect; raises HostError."""

    @abstractmethod
    def confirm(self, device: Device) -> None:
        """Disarm the undo; raises HostError."""

    @abstractmethod
    def undo(self, device: Device, back: Sequence[str]) -> None:
        """Take back, over a new connection, what came into effect or was left open; raises HostError.

        Args:
            back: the commands that say the opposite of what is in effect; none where nothing is
        """

    def save(self, device: Device) -> None:
        """Make the device start with what runs; raises HostError."""
        device.save()


class Revert(ChangeProcedure):
    """IOS and IOS-XE: a timer that loads the archived configuration."""

    def change(self, device: Device, lines: Sequence[str]) -> None:
        if "not enabled" in device.ask("show archive"):
            raise HostError(
                "the device keeps no archive, so that a change could not be taken back; "
                "configure one there (archive, path flash:archive), then run again"
            )
        device.configure(lines, f"configure terminal revert timer {UNDO_MIN}")

    def confirm(self, device: Device) -> None:
        device.ask("configure confirm")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask("configure revert now", timeout_s=COMMIT_S)


class Checkpoint(ChangeProcedure):
    """NX-OS: a checkpoint, and no timer."""

    promise = "it does not take the change back by itself; on its console: rollback running-config checkpoint moor-undo"

    def change(self, device: Device, lines: Sequence[str]) -> None:
        with suppress(HostError):  # there is one only where a former run was killed
            device.ask("no checkpoint moor-undo")
        device.ask("checkpoint moor-undo")
        device.configure(lines)

    def confirm(self, device: Device) -> None:
        device.ask("no checkpoint moor-undo")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask("rollback running-config checkpoint moor-undo", timeout_s=COMMIT_S)


class SessionTimer(ChangeProcedure):
    """EOS: a configuration session that is committed with a timer."""

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure([*lines, f"commit timer 00:{UNDO_MIN:02}:00"], f"configure session {self.mark}")

    def confirm(self, device: Device) -> None:
        device.ask(f"configure session {self.mark} commit")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask(f"configure session {self.mark} abort")


class CommitConfirmed(ChangeProcedure):
    """Junos: commit confirmed, in a candidate that nobody else edits."""

    running = "show configuration | display set"
    startup = ""

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure(lines, "configure exclusive", leave=False)
        device.commit(confirm=True, confirm_delay=UNDO_MIN, read_timeout=COMMIT_S)
        device.leave()

    def confirm(self, device: Device) -> None:
        device.commit(read_timeout=COMMIT_S)
        device.leave()

    def undo(self, device: Device, back: Sequence[str]) -> None:
        if back:
            device.configure(["rollback 1"], leave=False)
            device.commit(read_timeout=COMMIT_S)
            device.leave()

    def save(self, device: Device) -> None:
        """Do nothing, since what is committed is what Junos starts with."""


class CommitConfirm(ChangeProcedure):
    """VyOS: commit-confirm, which reboots into the saved configuration."""

    running = "show configuration commands"
    startup = "cat /config/config.boot"
    promise = f"it reboots with its saved configuration within {UNDO_MIN} minutes"

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure(lines, leave=False)
        device.ask(f"commit-confirm {UNDO_MIN}", until=r"[Pp]roceed")
        device.ask("y", until=r"#\s*$", timeout_s=COMMIT_S)
        device.leave()

    def confirm(self, device: Device) -> None:
        device.configure(["confirm"])

    def undo(self, device: Device, back: Sequence[str]) -> None:
        if back:
            device.configure([*back, "commit", "confirm"])
