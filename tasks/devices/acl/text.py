"""Access lists as the configuration of a device has them: read out of it, and changed into another; pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hier_config.platforms.driver_base import HConfigDriverBase


@dataclass(frozen=True)
class ListOnDevice:
    """What a configuration says of one access list.

    Attributes:
        text: its lines, in one order whatever the device's; empty where there are none
        interfaces: all interfaces of the device
        places: where it filters
        taken: where something else filters, and what
    """

    text: str
    interfaces: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    taken: Mapping[str, str] = field(default_factory=dict)


class ListSyntax(ABC):
    """How one family of devices writes access lists."""

    @abstractmethod
    def check(self, configuration: str) -> None:
        """Raise ValueError where this is no whole configuration."""

    def started(self, configuration: str) -> str:
        """Return the configuration that a device starts with in the form of the one that runs."""
        return configuration

    @abstractmethod
    def find(self, configuration: str, name: str) -> ListOnDevice:
        """Read the list ``name`` out of a configuration."""

    @abstractmethod
    def remedy(self, before: str, after: str, name: str) -> list[str]:
        """Return the commands that make of one text of the list the other; none where they are the same."""


def find_obstacles(found: ListOnDevice, wanted: ListOnDevice, interfaces: Iterable[str]) -> list[str]:
    """Return what stands in the way: an interface that is not there, or what other people have there."""
    missing = [name for name in interfaces if name not in found.interfaces]
    return [
        *(f"there is no interface {name}; write it as the device's configuration does" for name in missing),
        *(
            f"{place} has {found.taken[place]} already; moor leaves it"
            for place in sorted(wanted.places & {*found.taken})
        ),
    ]


def remediation(driver: HConfigDriverBase, before: str, after: str) -> list[str]:
    """Compute by hier-config what leads from one configuration to the other."""
    from hier_config import WorkflowRemediation, get_hconfig

    workflow = WorkflowRemediation(get_hconfig(driver, before), get_hconfig(driver, after))
    return [child.cisco_style_text() for child in workflow.remediation_config.all_children_sorted()]
