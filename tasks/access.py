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
    """One port of addresses of one family and the networks that may reach it, sorted, none inside another.

    Attributes:
        addresses: the registry's, and the standby's, in an order that a failover does not change
    """

    addresses: tuple[IPv4Address | IPv6Address, ...]
    port: int
    members: tuple[Network, ...]

    @property
    def version(self) -> int:
        """Return the version of IP."""
        return self.addresses[0].version


def openings_of(host: Host) -> tuple[PortOpening, ...]:
    """Return the registry's port in each address family that the registry has, with the members of that family.

    Raises:
        InputError: with every family of which no member has an address
    """
    registry, members = own_registry(host), members_of(host)
    every = sorted(registry.every_address, key=lambda one: (one.version, int(one)))
    found = [
        PortOpening(tuple(one for one in every if one.version == version), registry.port, merged(members, version))
        for version in sorted({one.version for one in every})
    ]
    if closed := [opening for opening in found if not opening.members]:
        raise InputError(
            "\n".join(
                f"{host.name}: data.access.members has no IPv{one.version} network, so that nobody would reach "
                f"{one.addresses[0]}; write the networks that may"
                for one in closed
            )
        )
    return tuple(found)


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
