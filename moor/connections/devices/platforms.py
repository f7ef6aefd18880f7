"""Platforms of network devices: NAPALM's names, which many inventories have, and Netmiko's, by which moor goes."""

from __future__ import annotations

from collections.abc import Mapping

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


def napalm_name(platform: str) -> str:
    """Return ``; this is NAPALM's name ...`` with Netmiko's name instead; empty where it is none of NAPALM's."""
    names = NAPALM.get(platform.lower())
    return f"; this is NAPALM's name, moor goes by Netmiko's: {' or '.join(names)}" if names else ""
