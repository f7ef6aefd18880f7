"""The names of network platforms: moor uses Netmiko's, and many inventories have NAPALM's."""

from __future__ import annotations

from collections.abc import Mapping

# Netmiko's names of the platforms on which moor writes access lists.
OWN_PLATFORMS = ("cisco_ios", "cisco_xe", "cisco_xr", "cisco_nxos", "arista_eos", "juniper_junos", "vyos")
# Source: NAPALM's drivers and Netmiko's device types.
NAPALM: Mapping[str, tuple[str, ...]] = {
    "ios": ("cisco_ios", "cisco_xe"),
    "eos": ("arista_eos",),
    "nxos": ("cisco_nxos",),
    "nxos_ssh": ("cisco_nxos",),
    "junos": ("juniper_junos",),
    "iosxr": ("cisco_xr",),
    "iosxr_netconf": ("cisco_xr",),
}


def napalm_hint(platform: str) -> str:
    """Return a hint to Netmiko's name for the end of an error, if ``platform`` is NAPALM's name; empty otherwise."""
    names = NAPALM.get(platform.lower())
    return f"; this is NAPALM's name, moor goes by Netmiko's: {' or '.join(names)}" if names else ""
