"""A network device as it treats packets: interfaces, routes, and the filters on its interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from ipaddress import IPv4Interface, IPv6Interface

from moor.path.rules import Filter, Rule
from moor.path.space import Address, Network

LOCAL = "(the device itself)"  # in place of the interface by which a packet leaves
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
class ChainRule:
    """A rule of a chain that all packets go through, whatever their interfaces.

    Attributes:
        inbound: a pattern for the interface that the packet came in by; empty for any
        outbound: likewise for the one that it leaves by
    """

    rule: Rule
    inbound: str = ""
    outbound: str = ""


@dataclass(frozen=True)
class Chain:
    """The rules for all packets that a device forwards, of one address family; VyOS has such in place of lists.

    Attributes:
        otherwise: what happens to a packet that no rule matches
    """

    rules: tuple[ChainRule, ...] = ()
    otherwise: bool = True

    @cached_property
    def _between(self) -> dict[tuple[str, str, int], Filter]:
        return {}

    def between(self, inbound: str, outbound: str, version: int) -> Filter:
        """Return the rules for packets between two interfaces; a condition on one that is not known is unsure."""
        key = inbound, outbound, version
        if key not in self._between:
            self._between[key] = self._filter(*key)
        return self._between[key]

    def _filter(self, inbound: str, outbound: str, version: int) -> Filter:
        rules = [
            replace(one.rule, unsure=one.rule.unsure or _unknown(one, inbound, outbound))
            for one in self.rules
            if _may_be(one.inbound, inbound) and _may_be(one.outbound, outbound)
        ]
        end = f"default-action {'accept' if self.otherwise else 'drop'}"
        return Filter(version, "forward", tuple(rules), self.otherwise, end)


def _may_be(pattern: str, interface: str) -> bool:
    return not pattern or not interface or fnmatchcase(interface, pattern)


def _unknown(one: ChainRule, inbound: str, outbound: str) -> bool:
    return bool(one.inbound and not inbound) or bool(one.outbound and not outbound)


@dataclass(frozen=True)
class Device:
    """What a device's configuration says of the packets that it forwards.

    Attributes:
        filters: by place; a place without one lets everything pass
        chains: for all forwarded packets, by address family
    """

    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    routes: Sequence[Route] = ()
    filters: Mapping[Place, Filter] = field(default_factory=dict)
    chains: Mapping[int, Chain] = field(default_factory=dict)

    def filters_between(self, inbound: str, outbound: str, version: int) -> Iterator[tuple[str, Filter]]:
        """Yield the filters that a packet meets between two interfaces, each with its place in words.

        Args:
            inbound: the interface by which it comes in; empty if that is not known
            outbound: likewise the one by which it leaves
        """
        if inbound:
            yield f"{inbound} in", self.filter_at(inbound, "in", version)
        if version in self.chains and outbound != LOCAL:
            yield "the forward chain", self.chains[version].between(inbound, outbound, version)
        if outbound and outbound != LOCAL:
            yield f"{outbound} out", self.filter_at(outbound, "out", version)

    @cached_property
    def _open(self) -> dict[int, Filter]:
        return {version: Filter(version) for version in (4, 6)}

    def filter_at(self, interface: str, way: str, version: int) -> Filter:
        """Return the filter at a place."""
        return self.filters.get((interface, way, version), self._open[version])

    def interface_of(self, address: Address) -> str:
        """Return the interface that has an address; empty if none has."""
        return self._owners.get(address, "")

    @cached_property
    def _owners(self) -> dict[Address, str]:
        """Return the interface of each address of the device."""
        return {
            address: name
            for name, interface in self.interfaces.items()
            for address in (*interface.shared, *(one.ip for one in interface.addresses))
        }

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
