"""What the inventory says of a host's or a device's static routes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, IPvAnyAddress, IPvAnyNetwork, model_validator

from moor.errors import FieldErrors
from moor.settings import Section


class Routes(Section):
    """The static routes of a host or a network device: docs/routes.md.

    A host without this section keeps its routes as they are.

    Attributes:
        via: the next hop on the way to the registry; of each address family at most one
        to: further networks, each with its next hop; an address is a network of one
        interface: of a host: the one by which it reaches the next hops; by default the host's own routes tell
        undo_s: seconds after which a host undoes a change that cuts moor off
    """

    section: ClassVar[str] = "routes"

    via: tuple[IPvAnyAddress, ...] = ()
    to: dict[IPvAnyNetwork, IPvAnyAddress] = Field(default_factory=dict)
    interface: Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.:-]{0,14})?$")] = ""
    undo_s: Annotated[int, Field(ge=5, le=600)] = 60

    @model_validator(mode="after")
    def _usable(self) -> Routes:
        """Raise FieldErrors for each next hop and each network that no route can have."""
        found = list[tuple[tuple[str, ...], str]]()
        versions = [hop.version for hop in self.via]
        if len(set(versions)) < len(versions):
            found.append((("via",), "two next hops of one address family; write one of each at most"))
        for hop in self.via:
            if words := unusable_hop(hop):
                found.append((("via",), words))
        for network, hop in self.to.items():
            if words := unusable_hop(hop) or unfit_network(network, hop):
                found.append((("to", str(network)), words))
        if found:
            raise FieldErrors(found)
        return self


def unusable_hop(hop: IPvAnyAddress) -> str:
    """Return why an address cannot be a next hop; empty if it can."""
    if hop.is_loopback or hop.is_unspecified or hop.is_multicast:
        return f"{hop} is no address of a router; write the next hop's own"
    return ""


def unfit_network(network: IPvAnyNetwork, hop: IPvAnyAddress) -> str:
    """Return why a network cannot be reached by a next hop; empty if it can."""
    if network.version != hop.version:
        return f"the next hop {hop} is of the other address family; write one of IPv{network.version}"
    if network.prefixlen == 0:
        return "moor sets no default route; leave it to the host's network configuration, and write narrower networks"
    if hop in network:
        return f"the next hop {hop} is inside the network itself; write narrower networks"
    return ""
