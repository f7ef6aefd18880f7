"""The answer to ``moor path``: read hosts, the registry and devices at once, then follow the packets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nornir.core import Nornir

from moor.connections.names import NETMIKO, SHELL, connection_of
from moor.errors import InputError, MoorError
from moor.path.answer import HostWay, PathAnswer, WayPair
from moor.path.host import Host
from moor.path.passage import changes
from moor.path.space import Address, Flow
from moor.path.trace import Network, trace
from moor.settings import settings_of
from moor.settings.roles import HARBOR
from moor.tasks.facts import Registry
from moor.tasks.path.host_facts import parse
from moor.tasks.path.planned import planned_rules
from moor.tasks.path.read import JudgedDevice, read_device, read_host


class PathFinding:
    """What ``moor path`` needs beside the runbook's stages."""

    def found(self, nr: Nornir, names: Collection[str]) -> PathAnswer:
        """Return the ways of some hosts to the registry.

        Args:
            nr: the whole fleet
            names: of the hosts

        Raises:
            InputError: one of them is a device or a cluster, or the inventory has no registry
        """
        hosts = nr.inventory.hosts
        if wrong := [name for name in names if connection_of(hosts[name]) != SHELL]:
            raise InputError(f"path: {', '.join(wrong)} has no shell; name a host that pulls, such as a node")
        registry = settings_of(hosts[next(iter(names))], Registry)
        read = _Reading(nr)
        serving = {
            each for each, host in hosts.items() if connection_of(host) == SHELL and host.has_parent_group(HARBOR)
        }
        read.ask_hosts({*names} - serving, registry.every_address)
        known = [route.source for host in read.hosts.values() for route in host.routes.values() if route.source]
        read.ask_hosts(serving, list(dict.fromkeys([*known, *registry.every_address])))
        read.ask_devices()
        return answer(read.hosts, read.devices, registry, names, read.unread)


class _Reading:
    """What was read of a fleet, and what could not be."""

    def __init__(self, nr: Nornir) -> None:
        self.nr = nr
        self.hosts: dict[str, Host] = {}
        self.devices: dict[str, JudgedDevice] = {}
        self.unread: dict[str, str] = {}

    def ask_hosts(self, names: Collection[str], destinations: Sequence[Address]) -> None:
        """Read some hosts with their routes to some addresses."""
        for name, printed in self._answers(names, task=read_host, destinations=destinations):
            host = self.nr.inventory.hosts[name]
            try:
                found = parse(name, printed)
                planned = planned_rules(host, found.rules) if found.rules else None
            except MoorError as error:
                self.unread[name] = str(error)
            else:
                self.hosts[name] = replace(found, planned=planned)

    def ask_devices(self) -> None:
        """Read all devices."""
        names = [name for name, host in self.nr.inventory.hosts.items() if connection_of(host) == NETMIKO]
        self.devices.update(self._answers(names, task=read_device))

    def _answers(self, names: Collection[str], **task: Any) -> Iterator[tuple[str, Any]]:
        some = self.nr.filter(filter_func=lambda host: host.name in names).with_processors([])
        if not some.inventory.hosts:
            return
        results = some.run(**task, on_failed=True)
        self.nr.data.reset_failed_hosts()
        for name, result in results.items():
            if result.failed:
                self.unread[name] = str(result[0].exception)
            else:
                yield name, result[0].result


def answer(
    hosts: Mapping[str, Host],
    devices: Mapping[str, JudgedDevice],
    registry: Registry,
    names: Collection[str],
    unread: Mapping[str, str],
) -> PathAnswer:
    """Return the ways of some hosts, from what was read."""
    now = Network(
        hosts, {name: one.now for name, one in devices.items()}, {name: one.places for name, one in devices.items()}
    )
    planned = now.planned({name: one.planned for name, one in devices.items()})
    ways = [
        HostWay(name, f"{address} port {registry.port}", _pair(now, name, flow), _pair(planned, name, flow))
        for name in names
        if name in hosts
        for address in registry.addresses
        if (flow := _flow(hosts[name], address, registry.port))
    ]
    changed = {name: tuple(changes(one.now, one.planned)) for name, one in devices.items()}
    return PathAnswer(ways, {name: lines for name, lines in changed.items() if lines}, unread)


def _flow(host: Host, address: Address, port: int) -> Flow | None:
    """Return the packet that a host sends to open a connection; None if it has no address of that family."""
    route = host.routes.get(address)
    own = next((one for one in host.addresses if one.version == address.version and _is_usable(one)), None)
    source = (route.source if route else None) or own
    return Flow(source, address, port) if source else None


def _is_usable(address: Address) -> bool:
    return not (address.is_loopback or address.is_link_local)


def _pair(network: Network, name: str, flow: Flow) -> WayPair:
    out = trace(network, name, flow)
    far = network.host_with(flow.destination)
    return WayPair(out, trace(network, far, flow.answer) if far and far != name else None)
