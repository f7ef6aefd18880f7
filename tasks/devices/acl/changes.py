"""Procedures that change a device so that the device undoes the change unless moor confirms it."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from moor.connections.devices.device import Device
from moor.errors import HostError

UNDO_MIN = 5  # minutes until an unconfirmed change is undone
COMMIT_S = 120  # a commit on a large device is slow


class ChangeProcedure(ABC):
    """The steps of one change on one device, from the first command to the confirmation.

    Attributes:
        running: the command that prints the running configuration
        startup: the command that prints the saved configuration; empty if that is always the running one
        promise: for error messages: what the device does with an unconfirmed change
        one_session: whether the session that changed has to stay open, and to confirm
        has_timer: whether the device undoes a change that is not confirmed
        saves: the command that saves the running configuration
    """

    running = "show running-config"
    startup = "show startup-config"
    promise = f"the device undoes the change within {UNDO_MIN} minutes"
    one_session = False
    has_timer = True
    saves = "copy running-config startup-config"

    def __init__(self) -> None:
        self.mark = f"moor-{secrets.token_hex(3)}"

    @abstractmethod
    def change(self, device: Device, lines: Sequence[str]) -> None:
        """Arm the undo, then activate the lines.

        Raises:
            HostError: the device refused
        """

    @abstractmethod
    def confirm(self, device: Device) -> None:
        """Disarm the undo.

        Raises:
            HostError: the device refused
        """

    @abstractmethod
    def undo(self, device: Device, back: Sequence[str]) -> None:
        """Undo the change over a new connection, whether it is active or still open.

        Args:
            back: the commands that reverse what is active; empty if nothing is

        Raises:
            HostError: the device refused
        """

    def save(self, device: Device) -> None:
        """Save the running configuration on the device.

        Raises:
            HostError: the device refused
        """
        device.commit(self.saves, "", COMMIT_S)


class Revert(ChangeProcedure):
    """A change on IOS and IOS-XE, with a timer that restores the archived configuration."""

    saves = "write memory"

    def change(self, device: Device, lines: Sequence[str]) -> None:
        if "not enabled" in device.ask("show archive"):
            raise HostError(
                "the device keeps no archive, so that a change could not be undone; "
                "configure one on it (archive, path flash:archive), then run again"
            )
        device.configure(lines, f"configure terminal revert timer {UNDO_MIN}", "end")

    def confirm(self, device: Device) -> None:
        device.ask("configure confirm")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask("configure revert now", timeout_s=COMMIT_S)


class Checkpoint(ChangeProcedure):
    """A change on NX-OS, with a checkpoint and without a timer."""

    promise = "the device does not undo the change; run on its console: rollback running-config checkpoint moor-undo"
    has_timer = False

    def change(self, device: Device, lines: Sequence[str]) -> None:
        with suppress(HostError):  # it exists only if a former run was killed
            device.ask("no checkpoint moor-undo")
        device.ask("checkpoint moor-undo")
        device.configure(lines, leave="end")

    def confirm(self, device: Device) -> None:
        device.ask("no checkpoint moor-undo")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask("rollback running-config checkpoint moor-undo", timeout_s=COMMIT_S)


class SessionTimer(ChangeProcedure):
    """A change on EOS, in a configuration session that is committed with a timer."""

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure([*lines, f"commit timer 00:{UNDO_MIN:02}:00"], f"configure session {self.mark}")

    def confirm(self, device: Device) -> None:
        device.ask(f"configure session {self.mark} commit")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        device.ask(f"configure session {self.mark} abort")


class CommitConfirmed(ChangeProcedure):
    """A change on Junos, by commit confirmed of an exclusive candidate configuration.

    The session that changes keeps the candidate until it confirms, since a commit of anybody else would confirm too.
    """

    running = "show configuration | display set"
    startup = ""
    one_session = True
    trial = f"commit confirmed {UNDO_MIN}"
    done = "commit complete"
    leaves = "exit configuration-mode"

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure(lines, "configure exclusive")
        device.commit(self.trial, self.done, COMMIT_S)

    def confirm(self, device: Device) -> None:
        device.commit("commit", self.done, COMMIT_S)
        device.leave(self.leaves)

    def undo(self, device: Device, back: Sequence[str]) -> None:
        if back:
            device.configure(back, "configure exclusive")
            device.commit("commit", self.done, COMMIT_S)
            device.leave(self.leaves)

    def save(self, device: Device) -> None:
        """Do nothing, since the device starts with what was committed last."""


class TrialCommit(CommitConfirmed):
    """A change on IOS XR, by a trial commit, whose time is given in seconds."""

    running = "show running-config"
    trial = f"commit confirmed {UNDO_MIN * 60}"
    done = ""
    leaves = "end"


class CommitConfirm(ChangeProcedure):
    """A change on VyOS, by commit-confirm: without a confirmation the device reboots into its saved configuration."""

    running = "show configuration commands"
    startup = "cat /config/config.boot"
    promise = f"the device reboots with its saved configuration within {UNDO_MIN} minutes"

    def change(self, device: Device, lines: Sequence[str]) -> None:
        device.configure(lines, "configure")
        device.commit(f"commit-confirm {UNDO_MIN}", "", COMMIT_S)
        device.leave("exit discard")

    def confirm(self, device: Device) -> None:
        device.configure(["confirm"], "configure", "exit discard")

    def undo(self, device: Device, back: Sequence[str]) -> None:
        if back:
            device.configure([*back, "commit", "confirm"], "configure", "exit discard")

    def save(self, device: Device) -> None:
        device.configure([], "configure")
        device.commit("save", "Done", COMMIT_S)
        device.leave("exit discard")
