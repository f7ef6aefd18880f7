"""Who may reach the registry: the one description that firewalls of hosts and devices on the way are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses
from typing import ClassVar

from nornir.core.inventory import Host
from pydantic import IPvAnyNetwork

from moor.errors import InputError
from moor.settings import Section, settings_of
from tasks.facts import Registry

Network = IPv4Network | IPv6Network


class Access(Section):
    """Who may reach the registry's port; nobody else does.

    members  networks such as 10.0.0.0/16; an address is a network of one
    """

    section: ClassVar[str] = "access"

    members: tuple[IPvAnyNetwork, ...] = ()


@dataclass(frozen=True)
class Opening:
    """One port of one address, and the networks that may reach it, in order and none inside another."""

    address: IPv4Address | IPv6Address
    port: int
    members: tuple[Network, ...]


def opening_of(host: Host) -> Opening:
    """Give the registry's port with the members of its address family; raises InputError where there are none."""
    registry, access = settings_of(host, Registry), settings_of(host, Access)
    address: IPv4Address | IPv6Address = registry.address
    members = _merged(access.members, address.version)
    if not members:
        raise InputError(
            f"{host.name}: data.access.members has no IPv{address.version} network, so that nobody would reach "
            f"{address}; write the networks that may"
        )
    return Opening(address, registry.port, members)


def _merged(networks: Sequence[Network], version: int) -> tuple[Network, ...]:
    if version == 4:
        return tuple(collapse_addresses(n for n in networks if isinstance(n, IPv4Network)))
    return tuple(collapse_addresses(n for n in networks if isinstance(n, IPv6Network)))
