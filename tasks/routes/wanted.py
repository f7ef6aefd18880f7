"""The static routes that a host or a device should have, from its settings; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.settings import optional_settings_of
from moor.tasks.facts import Registry
from moor.tasks.routes.settings import Routes


@dataclass(frozen=True)
class Route:
    """A way to a network by a next hop."""

    to: IPv4Network | IPv6Network
    via: IPv4Address | IPv6Address

    @property
    def family(self) -> str:
        """Return ip's option for the address family."""
        return f"-{self.to.version}"

    @property
    def single(self) -> str:
        """Return the address, if the network is one alone; empty otherwise."""
        return str(self.to.network_address) if self.to.prefixlen == self.to.max_prefixlen else ""

    def __str__(self) -> str:
        return f"{self.to} via {self.via}"


def wanted_routes(host: Host, settings: Routes) -> tuple[Route, ...]:
    """Return the routes of a host or a device, sorted; a registry's host needs none to itself.

    Raises:
        InputError: the registry has no address of a next hop's family, or a network is given twice
    """
    registry = optional_settings_of(host, Registry)
    if settings.via and registry is None:
        raise InputError(f"{host.name}: data.routes.via leads to the registry, and the inventory has none; use to")
    found = dict(settings.to)
    wrong = list[str]()
    for hop in settings.via:
        addresses = [one for one in registry.every_address if one.version == hop.version] if registry else []
        if not addresses:
            wrong.append(
                f"{host.name}: data.routes.via has {hop}, and the registry has no IPv{hop.version} address; "
                "write data.registry.address6, or take the next hop out"
            )
        for address in addresses:
            network = ip_network(address)
            if network in settings.to:
                wrong.append(f"{host.name}: data.routes.to has {address}, where via leads already; take it out")
            elif address == hop:
                wrong.append(
                    f"{host.name}: data.routes.via has {hop}, which is the registry; write the router before it"
                )
            elif str(address) not in own_addresses(host, registry):
                found[network] = hop
    if wrong:
        raise InputError("\n".join(wrong))
    every = [Route(network, hop) for network, hop in found.items()]
    return tuple(sorted(every, key=lambda route: (route.to.version, route.to)))


def own_addresses(host: Host, registry: Registry | None) -> Sequence[str]:
    """Return the registry's addresses that are the host's own."""
    if registry is None or not host.has_parent_group("harbor"):
        return ()
    first, other = registry.addresses, registry.standby.addresses if registry.standby else ()
    mine = next((its for its in (first, other) if host.hostname in [str(one) for one in its]), () if other else first)
    return tuple(map(str, mine))
