"""Access lists on the network devices between the nodes and the registry, so that only members reach its port.

A device is a host of the group ``devices``; its ``platform`` determines the syntax. Lists of other people stay. If the
platform supports it, a change first arms an undo on the device; then the result is read over a new connection, and only
then is the change confirmed and saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.devices.platforms import napalm_hint
from moor.connections.names import NETMIKO
from moor.context import site_of
from moor.engine.converge import converge
from moor.errors import InputError
from moor.resources.base import Resource
from moor.settings import optional_settings_of, settings_of
from moor.suggestions import did_you_mean
from moor.tasks.access import PortOpening, openings_of
from moor.tasks.devices.acl.text import ListOnDevice, names_of
from moor.tasks.devices.list_resource import AccessList, RetiredList
from moor.tasks.devices.platforms import PLATFORMS
from moor.tasks.devices.retired import KIND, retired_names
from moor.tasks.devices.settings import AccessListSettings
from moor.templates import render

REMEMBERED = (KIND,)  # since a list may have had another name


def desired(host: Host) -> Sequence[Resource]:
    """Return the access list of a device, in the syntax of its platform and in each family that the registry has.

    Raises:
        InputError: no member has an address of a family, or moor does not know the platform
    """
    platform = platform_of(host)
    if optional_settings_of(host, AccessListSettings) is None and host.get("routes"):
        return []  # a device that moor is only to set routes on; that concern is built on this one
    settings, openings = settings_of(host, AccessListSettings), openings_of(host)
    text = render(
        f"devices/{PLATFORMS[platform].template}",
        site_of(host).directory,
        **settings.model_dump(),
        port=openings[0].port,
        lists=[_part(settings.name, opening) for opening in openings],
    )
    wanted = PLATFORMS[platform].lists.find(text, settings.name)
    return [AccessList(settings.name, platform, tuple(settings.interfaces), wanted)]


def _part(name: str, opening: PortOpening) -> Mapping[str, object]:
    """Return what a template needs of one address family."""
    own = names_of(name)[opening.version == 6]
    return {"name": own, "version": opening.version, "addresses": opening.addresses, "members": opening.members}


def platform_of(host: Host) -> str:
    """Return Netmiko's name for the platform of a device.

    Raises:
        InputError: moor writes no access lists for that platform
    """
    platform = host.get_connection_parameters(NETMIKO).platform or ""
    if platform in PLATFORMS:
        return platform
    known = ", ".join(PLATFORMS)
    if meant := napalm_hint(platform) or did_you_mean(platform, PLATFORMS):
        raise InputError(f"{host.name}.platform: {platform!r}{meant} (moor writes access lists for {known})")
    told = f"moor writes no access lists for {platform}" if platform else "not given"
    raise InputError(f"{host.name}.platform: {told}; write one of {known}, or take the host out of group devices")


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of lists of moor's that the inventory no longer has; of all of them if the device leaves."""
    platform = host.get_connection_parameters(NETMIKO).platform or ""
    names = retired_names(host, leaves) if platform in PLATFORMS else ()
    return [RetiredList(name, platform, (), ListOnDevice("")) for name in names]


def write_access_lists(task: Task) -> Result:
    """Make the device admit only members to the registry's port."""
    return converge(task, desired)
