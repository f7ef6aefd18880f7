"""The flows that the fleet needs of the devices between its hosts: pulls and their answers, and moor's own logins."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.names import NETMIKO, SHELL
from moor.context import context_of, fleet_of
from moor.path.passage import FleetFlow
from moor.path.space import Address, Flow
from moor.run.runbook import INSIDERS
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.firewall.hosts import SSH, own_address

PULLERS = ("nodes", "workstations")
ME = "this machine"


def fleet_flows(task: Task) -> Iterator[FleetFlow]:
    """Yield the flows by which hosts pull, with their answers, then those by which this machine reaches hosts."""
    registry = settings_of(task.host, Registry)
    for name, address in pullers(task.host).items():
        for target in registry.every_address:
            if target.version == address.version and target != address:
                yield from _both_ways(name, f"{target} port {registry.port}", Flow(address, target, registry.port))
    for host in fleet_of(task).hosts.values():
        yield from _logins(host, task)


def pullers(host: Host) -> dict[str, Address]:
    """Return the hosts that pull from the registry, by the address that the inventory has of them."""
    context = context_of(host)
    known = {name: word for group in PULLERS for name, word in context.addresses.get(group, {}).items()}
    return {name: address for name, word in known.items() if (address := address_or_none(word))}


def address_or_none(word: str) -> Address | None:
    """Return a word as an address; None for a name."""
    try:
        return ip_address(word)
    except ValueError:
        return None


def _both_ways(who: str, what: str, flow: Flow) -> Iterator[FleetFlow]:
    yield FleetFlow(who, f"to {what}", flow)
    # Whether answers pass the device, and where, only its routes say.
    yield FleetFlow(who, f"answers from {what}", flow.answer, assumed=False)


def _logins(host: Host, task: Task) -> Iterator[FleetFlow]:
    """Yield the flows by which moor logs in to a host, as far as its routes say that they pass the device."""
    is_device = host.name == task.host.name
    given = host.get_connection_parameters(NETMIKO if is_device else SHELL)
    target = address_or_none(given.hostname or host.name)
    if target is None or not (INSIDERS(host) or is_device):
        return
    own = own_address(host, task.nornir.config.ssh.config_file)
    if own and own.version == target.version:
        flow = Flow(own, target, given.port or SSH)
        yield FleetFlow(host.name, f"SSH from {ME}", flow, assumed=False, login=True)
        yield FleetFlow(host.name, f"answers of SSH to {ME}", flow.answer, assumed=False, login=True)
