"""A network device as it treats packets: interfaces, routes, and the filters on its interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface

from moor.path.rules import Filter
from moor.path.space import Address, Network

Place = tuple[str, str, int]  # an interface, ``in`` or ``out``, the address family


@dataclass(frozen=True)
class Interface:
    """An interface of a device.

    Attributes:
        addresses: its own, each with its network
        shared: addresses that it has together with other devices, such as those of VRRP
        table: the routing table that it belongs to; empty for the main one
    """

    name: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    shared: tuple[Address, ...] = ()
    table: str = ""

    def has(self, address: Address) -> bool:
        """Return whether packets to the address arrive here."""
        return address in self.shared or any(one.ip == address for one in self.addresses)


@dataclass(frozen=True)
class Route:
    """A static route, by way of an address, an interface, or both."""

    network: Network
    via: Address | None = None
    interface: str = ""
    table: str = ""


@dataclass(frozen=True)
class NextHop:
    """Where a device sends a packet: to ``via``, or straight to its destination."""

    interface: str
    via: Address | None = None


@dataclass(frozen=True)
class Device:
    """What a device's configuration says of the packets that it forwards.

    Attributes:
        filters: by place; a place without one lets everything pass
        forward: filters for all packets whatever their interfaces, by address family; VyOS has such
    """

    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    routes: Sequence[Route] = ()
    filters: Mapping[Place, Filter] = field(default_factory=dict)

    def filter_at(self, interface: str, way: str, version: int) -> Filter:
        """Return the filter at a place."""
        return self.filters.get((interface, way, version), Filter(version))

    def interface_of(self, address: Address) -> str:
        """Return the interface that has an address; empty if none has."""
        return next((name for name, interface in self.interfaces.items() if interface.has(address)), "")

    def next_hop(self, address: Address, table: str = "") -> NextHop | None:
        """Return where the device sends packets to an address; None if its configuration does not say."""
        best: tuple[int, NextHop] | None = None
        for length, hop in self._ways(address, table):
            if best is None or length > best[0]:
                best = length, hop
        return best[1] if best else None

    def _ways(self, address: Address, table: str) -> Iterator[tuple[int, NextHop]]:
        for interface in self._in(table):
            for one in interface.addresses:
                if address.version == one.version and address in one.network:
                    yield one.network.prefixlen, NextHop(interface.name)
        for route in self.routes:
            if route.table == table and address.version == route.network.version and address in route.network:
                if route.interface:
                    yield route.network.prefixlen, NextHop(route.interface, route.via)
                elif route.via and (name := self._connected(route.via, table)):
                    yield route.network.prefixlen, NextHop(name, route.via)

    def _connected(self, address: Address, table: str) -> str:
        return next((i.name for i in self._in(table) if any(address in one.network for one in i.addresses)), "")

    def _in(self, table: str) -> Iterator[Interface]:
        return (interface for interface in self.interfaces.values() if interface.table == table)

    def with_filters(self, filters: Mapping[Place, Filter]) -> Device:
        """Return the device with other filters."""
        return replace(self, filters=filters)
