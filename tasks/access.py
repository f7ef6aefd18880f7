"""Who may reach the registry; host firewalls and access lists of devices are made from this description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import ClassVar

from nornir.core.inventory import Host
from pydantic import IPvAnyNetwork

from moor.context import addresses_in
from moor.errors import InputError
from moor.settings import Section, optional_settings_of, settings_of
from moor.tasks.facts import Registry, own_registry

Network = IPv4Network | IPv6Network


class Access(Section):
    """Who may reach the registry's port and SSH; everybody else is refused.

    The rules of hosts' firewalls and of network devices are made from this.

    Attributes:
        members: networks such as ``10.0.0.0/16``; an address is a network of one
        groups: groups of this inventory: their hosts are members, by the address in ``hostname``
        managers: networks from which hosts are managed: members too, and alone allowed to log in where a firewall is
            managed
    """

    section: ClassVar[str] = "access"

    members: tuple[IPvAnyNetwork, ...] = ()
    groups: tuple[str, ...] = ()
    managers: tuple[IPvAnyNetwork, ...] = ()


@dataclass(frozen=True)
class PortOpening:
    """One port of one address and the networks that may reach it, sorted, none inside another.

    Attributes:
        others: the other registry's addresses of the same family, for devices between hosts and both
    """

    address: IPv4Address | IPv6Address
    port: int
    members: tuple[Network, ...]
    others: tuple[IPv4Address | IPv6Address, ...] = ()

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Return all addresses, in an order that a failover does not change."""
        return tuple(sorted((self.address, *self.others), key=int))


def opening_of(host: Host) -> PortOpening:
    """Return the registry's port with the members of its address family.

    Raises:
        InputError: no member has an address of that family
    """
    registry = own_registry(host)
    address: IPv4Address | IPv6Address = registry.address
    members = merged(members_of(host), address.version)
    if not members:
        raise InputError(
            f"{host.name}: data.access.members has no IPv{address.version} network, so that nobody would reach "
            f"{address}; write the networks that may"
        )
    others = tuple(one for one in registry.every_address if one.version == address.version and one != address)
    return PortOpening(address, registry.port, members, others)


def members_of(host: Host) -> tuple[Network, ...]:
    """Return all networks that may reach the registry.

    Raises:
        InputError: with every group that does not exist or has a host without an address
    """
    access = settings_of(host, Access)
    found, wrong = list[Network](), list[str]()
    for group in access.groups:
        addresses = addresses_in(host, group)
        if addresses is None:
            wrong.append(f"data.access.groups: no group is called {group}; name one of groups.yaml")
        for name, address in (addresses or {}).items():
            try:
                found.append(ip_network(ip_address(address)))
            except ValueError:
                wrong.append(
                    f"data.access.groups: {name} of {group} is reached by a name, {address}; "
                    "write its address in hostname, or its network in data.access.members"
                )
    if wrong:
        raise InputError("\n".join(wrong))
    return (*access.members, *access.managers, *found, *_other_registry(host))


def _other_registry(host: Host) -> list[Network]:
    """Return the addresses of both registries, if there are two, since each copies its images to the other."""
    registry = optional_settings_of(host, Registry)
    return [ip_network(one) for one in registry.every_address] if registry and registry.standby else []


def merged(networks: Sequence[Network], version: int) -> tuple[Network, ...]:
    """Return the networks of one address family, sorted, none inside another."""
    if version == 4:
        return tuple(collapse_addresses(n for n in networks if isinstance(n, IPv4Network)))
    return tuple(collapse_addresses(n for n in networks if isinstance(n, IPv6Network)))
