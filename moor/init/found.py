"""The hosts that a source knows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moor.secrets.secret import Secret

SSH_PORT = 22


@dataclass(frozen=True)
class FoundHost:
    """A host, and how it is reached.

    Attributes:
        name: its name in the inventory
        hostname: its address or DNS name; empty if that is its name
        port: 0 if the source says nothing
        groups: the source's own groups, and roles of moor's
        passwords: ``login`` and ``sudo``; None stands for one that the source has, but not in a form to be read
        data: sections of settings
    """

    name: str
    hostname: str = ""
    port: int = 0
    username: str = ""
    key_file: str = ""
    groups: tuple[str, ...] = ()
    passwords: Mapping[str, Secret | None] = field(default_factory=dict, hash=False)
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def address(self) -> str:
        """Return where it is reached."""
        return self.hostname or self.name


@dataclass(frozen=True)
class Found:
    """What a source knows.

    Attributes:
        source: the source as a person calls it, for comments
        hosts: by name
        groups: the source's own groups, each with the groups that it is in
        ssh_config: the ssh_config by which the hosts are reached
        ssh_config_text: its text, if it is to be one of the new site
        kubeconfig: of the cluster whose nodes the hosts are
        netbox: the options of NetBoxInventory, which finds the hosts at every run
        notes: what could not be taken over, for the user
    """

    source: str = ""
    hosts: Mapping[str, FoundHost] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ssh_config: Path | None = None
    ssh_config_text: str = ""
    kubeconfig: Path | None = None
    netbox: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
