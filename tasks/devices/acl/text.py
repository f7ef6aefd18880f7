"""Access lists in the configuration of a device: the interface for parsing and comparing them; pure."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hier_config.platforms.driver_base import HConfigDriverBase

COLONS = re.compile(r"(?<!\S)[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:/\d{1,3})?(?!\S)")  # what may be an address of IPv6


@dataclass(frozen=True)
class ListOnDevice:
    """The access list of both address families in a configuration.

    Attributes:
        text: its lines, in an order that does not depend on the device; empty if there is no list
        interfaces: all interfaces of the device
        places: the interfaces and directions, or rules, at which it filters
        taken: places at which another list filters, with that list
    """

    text: str
    interfaces: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    taken: Mapping[str, str] = field(default_factory=dict)


class ListSyntax(ABC):
    """The syntax of access lists in one family of devices.

    A list has a part for each address family, IPv4 first; the names of both are those of ``names_of``.
    """

    @abstractmethod
    def check(self, configuration: str) -> None:
        """Check that a configuration is complete.

        Raises:
            ValueError: it is not
        """

    def started(self, configuration: str) -> str:
        """Return a saved configuration in the form of the running one."""
        return configuration

    @abstractmethod
    def find(self, configuration: str, name: str) -> ListOnDevice:
        """Parse the list ``name`` from a configuration."""

    @abstractmethod
    def remedy(self, before: str, after: str, name: str) -> list[str]:
        """Return the commands that change one text of the list into the other; empty if they are equal."""


def names_of(name: str) -> tuple[str, str]:
    """Return the names of the list's IPv4 and IPv6 part, which have to differ.

    References:
        Cisco, "IPv6 access lists": a list of IPv4 and one of IPv6 cannot share a name.
    """
    return name, f"{name}-V6"


def find_obstacles(found: ListOnDevice, wanted: ListOnDevice, interfaces: Iterable[str]) -> list[str]:
    """Return what prevents the list: an interface that does not exist, or another list in its place."""
    missing = [name for name in interfaces if name not in found.interfaces]
    return [
        *(f"there is no interface {name}; write it as the device's configuration does" for name in missing),
        *(
            f"{place} already has {found.taken[place]}; moor does not replace it"
            for place in sorted(wanted.places & {*found.taken})
        ),
    ]


def difference_of(now: str, wanted: str) -> str:
    """Return the first line by which a list differs from the wanted one, in words."""
    there, meant = now.splitlines(), wanted.splitlines()
    if missing := [line for line in meant if line not in there]:
        return f"{missing[0].strip()!r} is missing"
    more = [line for line in there if line not in meant]
    return f"{more[0].strip()!r} is there too" if more else "the order differs"


def canonical(line: str) -> str:
    """Return a line with its IPv6 addresses and networks in lower case and compressed, since devices differ in that."""
    return COLONS.sub(lambda found: _canonical(found[0]), line) if ":" in line else line


def _canonical(word: str) -> str:
    try:
        return str(ip_network(word, strict=False) if "/" in word else ip_address(word))
    except ValueError:
        return word


def remediation(driver: HConfigDriverBase, before: str, after: str) -> list[str]:
    """Return the commands that lead from one configuration to the other, computed by hier-config."""
    from hier_config import WorkflowRemediation, get_hconfig

    workflow = WorkflowRemediation(get_hconfig(driver, before), get_hconfig(driver, after))
    return [child.cisco_style_text() for child in workflow.remediation_config.all_children_sorted()]
