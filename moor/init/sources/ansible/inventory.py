"""An Ansible inventory as a value: groups, hosts, and the variables of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moor.errors import InputError

ALL, UNGROUPED = "all", "ungrouped"
Variables = dict[str, Any]


class Unreadable:
    """A value that only Ansible can read, such as one that a vault encrypts."""

    def __repr__(self) -> str:
        return "(encrypted)"


@dataclass
class AnsibleGroup:
    """A group: its own hosts and children by name, and its variables.

    Attributes:
        files: variables of its group_vars
    """

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    files: Variables = field(default_factory=dict)


@dataclass
class AnsibleInventory:
    """Groups and hosts in the order in which they are written.

    Attributes:
        hosts: the variables of each, those of the inventory before those of host_vars
        notes: what could not be read
    """

    groups: dict[str, AnsibleGroup] = field(default_factory=lambda: {ALL: AnsibleGroup(), UNGROUPED: AnsibleGroup()})
    hosts: dict[str, Variables] = field(default_factory=dict)
    files: dict[str, Variables] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def group(self, name: str) -> AnsibleGroup:
        """Return a group, which is made if it is new."""
        return self.groups.setdefault(name, AnsibleGroup())

    def add_host(self, name: str, group: str, variables: Mapping[str, Any]) -> None:
        """Add a host to a group; variables that it has already are replaced one by one."""
        self.hosts.setdefault(name, {}).update(variables)
        self.group(group).hosts[name] = None

    def variables_of(self, host: str) -> Variables:
        """Return a host's variables: of all, of its groups from the outer to the inner ones, and its own."""
        names = sorted((ALL, *self.groups_of(host)), key=self._rank)
        merged = Variables()
        for layer in (
            self.groups[ALL].variables,
            *(self.groups[name].variables for name in names),
            self.groups[ALL].files,
            *(self.groups[name].files for name in names),
            self.hosts[host],
            self.files.get(host, {}),
        ):
            merged.update(layer)
        return {**merged, "inventory_hostname": host, "inventory_hostname_short": host.partition(".")[0]}

    def groups_of(self, host: str) -> list[str]:
        """List the groups that a host is in, its own first, without ``all`` and ``ungrouped``."""
        found = [name for name, group in self.groups.items() if host in group.hosts]
        for name in found:
            found += [parent for parent in self.parents(name) if parent not in found]
        return [name for name in found if name not in (ALL, UNGROUPED)]

    def parents(self, name: str) -> list[str]:
        """List the groups of which a group is a child."""
        return [parent for parent, group in self.groups.items() if name in group.children]

    def _rank(self, name: str) -> tuple[int, int, str]:
        """Return the order in which groups' variables count: by depth, then priority, then name."""
        priority = self.groups[name].variables.get("ansible_group_priority", 1)
        return self._depth(name, ()), int(priority) if str(priority).lstrip("-").isdigit() else 1, name

    def _depth(self, name: str, below: tuple[str, ...]) -> int:
        if name in below:
            raise InputError(f"the group {name} is its own ancestor; take it out of its children")
        if name == ALL:
            return 0
        return 1 + max((self._depth(parent, (*below, name)) for parent in self.parents(name)), default=0)

    def check(self) -> None:
        """Raise InputError if a group is its own ancestor."""
        for name in self.groups:
            self._depth(name, ())

    def every_host(self) -> Iterator[tuple[str, Variables]]:
        """Yield each host with its merged variables."""
        self.check()
        for name in self.hosts:
            yield name, self.variables_of(name)
