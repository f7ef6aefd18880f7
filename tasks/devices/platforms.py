"""The platforms on which moor writes access lists, by Netmiko's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moor.tasks.devices.acl.changes import (
    ChangeProcedure,
    Checkpoint,
    CommitConfirm,
    CommitConfirmed,
    Revert,
    SessionTimer,
    TrialCommit,
)
from moor.tasks.devices.acl.commands import JUNOS, VYOS
from moor.tasks.devices.acl.sections import EOS, IOS, NXOS, XR
from moor.tasks.devices.acl.text import ListSyntax


@dataclass(frozen=True)
class Platform:
    """How access lists are written on one kind of device.

    Attributes:
        template: the file in templates/devices
        lists: how they stand in the configuration
        procedure: how the configuration is changed
    """

    template: str
    lists: ListSyntax
    procedure: type[ChangeProcedure]


PLATFORMS: Mapping[str, Platform] = {
    "cisco_ios": Platform("cisco_ios.j2", IOS, Revert),
    "cisco_xe": Platform("cisco_ios.j2", IOS, Revert),
    "cisco_xr": Platform("cisco_xr.j2", XR, TrialCommit),
    "cisco_nxos": Platform("cisco_nxos.j2", NXOS, Checkpoint),
    "arista_eos": Platform("arista_eos.j2", EOS, SessionTimer),
    "juniper_junos": Platform("juniper_junos.j2", JUNOS, CommitConfirmed),
    "vyos": Platform("vyos.j2", VYOS, CommitConfirm),
}
