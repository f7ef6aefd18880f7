"""The task that guards the ports of hosts with their own firewalls."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.ssh.destination import find_destination
from moor.engine.converge import converge
from moor.engine.desired import desired_of
from moor.errors import InputError
from moor.resources.base import Resource
from moor.settings import optional_settings_of, settings_of
from moor.tasks.access import Access, members_of
from moor.tasks.facts import Registry
from moor.tasks.firewall.dialects.guards import Guard, Guards
from moor.tasks.firewall.dialects.host_firewall import HostFirewall
from moor.tasks.firewall.dialects.nftables_conf import nftables_conf_edits
from moor.tasks.firewall.settings import Firewall

REDIRECT = 80  # Harbor redirects browsers from it to HTTPS
SSH = 22


def desired(host: Host) -> Sequence[Resource]:
    """Return the host's rules, and the lines that load them from its own rule files; nothing without the section."""
    settings = optional_settings_of(host, Firewall)
    if settings is None:
        return []
    return _resources(guards_of(host, settings), settings)


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of moor's rules, where the inventory has no section for the host or the host leaves."""
    settings = optional_settings_of(host, Firewall)
    return _resources(Guards(), settings or Firewall()) if leaves or settings is None else []


def _resources(guards: Guards, settings: Firewall) -> Sequence[Resource]:
    firewall, confs = HostFirewall(guards, settings.tool, settings.undo_s), nftables_conf_edits(guards, settings.tool)
    # The lines include a file of the firewall's, which must exist before them and may only go after them.
    return [firewall, *confs] if guards.ports else [*confs, firewall]


def guards_of(host: Host, settings: Firewall) -> Guards:
    """Return who may reach which port of a host.

    Raises:
        InputError: nobody could reach a port, or a port is given twice
    """
    if not settings.enabled:
        return Guards()
    found = {**_of_registry(host), **_of_ssh(host)}
    if twice := sorted(found.keys() & settings.ports):
        raise InputError(
            f"{host.name}: data.firewall.ports has {', '.join(map(str, twice))}, which data.access "
            "already covers; leave it out there"
        )
    found |= {port: Guard(port, sources) for port, sources in settings.ports.items()}
    return Guards(tuple(found[port] for port in sorted(found)), settings.refuse)


def _of_registry(host: Host) -> dict[int, Guard]:
    if not host.has_parent_group("harbor"):
        return {}
    members = members_of(host)
    if not members:
        raise InputError(
            f"{host.name}: data.access has no members, so that nobody would reach the registry; write members or groups"
        )
    return {port: Guard(port, members) for port in (settings_of(host, Registry).port, REDIRECT)}


def _of_ssh(host: Host) -> dict[int, Guard]:
    """Return the guard of SSH; none if the inventory has no managers."""
    managers = settings_of(host, Access).managers
    port = host.get_connection_parameters("shell").port or SSH
    return {port: Guard(port, managers)} if managers else {}


def configure_firewall(task: Task) -> Result:
    """Make the host admit only whom the inventory names to the guarded ports."""
    resources = desired_of(task, desired)
    for resource in resources:
        if isinstance(resource, HostFirewall):
            refuse_lockout(task.host, resource.guards, own_address(task.host, task.nornir.config.ssh.config_file))
    return converge(task, resources, former=desired)


def refuse_lockout(host: Host, guards: Guards, own: IPv4Address | IPv6Address | None) -> None:
    """Check that the guards do not lock out the machine that moor runs on.

    Raises:
        InputError: they would
    """
    ports = {guard.port: guard for guard in guards.ports}
    ssh = ports.get(host.get_connection_parameters("shell").port or SSH)
    if own and ssh and not ssh.admits(own):
        raise InputError(
            f"{host.name}: data.access.managers leaves out {own}, from which this machine reaches it: "
            "moor would lock itself out; add it"
        )


def own_address(host: Host, config_file: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address that the host sees as this machine's; None if a jump host is between, or it is unknown."""
    given = host.get_connection_parameters("shell")
    found = find_destination(given.hostname or host.name, given.port or SSH, given.username or "", config_file)
    if found.proxy:
        return None  # the host sees the jump host
    try:
        ((family, _, _, _, place), *_) = socket.getaddrinfo(found.hostname, found.port, type=socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(place)  # nothing is sent
            own = ip_address(probe.getsockname()[0].partition("%")[0])
    except OSError:
        return None
    return None if own.is_loopback else own  # a forwarded port: the host sees its far end
