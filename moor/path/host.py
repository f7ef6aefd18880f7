"""A host as it treats packets: its addresses, its routes to some destinations, its firewall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moor.path.kernel.packet import Ruleset
from moor.path.space import Address


@dataclass(frozen=True)
class HostRoute:
    """Where a host sends packets to one destination.

    Attributes:
        via: the next hop; None if the destination is on the interface's own network
        source: the address that the packets get
    """

    interface: str
    via: Address | None = None
    source: Address | None = None


@dataclass(frozen=True)
class Host:
    """What a host says of itself.

    Attributes:
        addresses: each with the interface that has it
        routes: by destination; one that is missing has no route
        rules: its firewall; None if it could not be read
        planned: the firewall once the plan is made
    """

    addresses: Mapping[Address, str] = field(default_factory=dict)
    routes: Mapping[Address, HostRoute] = field(default_factory=dict)
    rules: Ruleset | None = None
    planned: Ruleset | None = None
