"""By which of Nornir's connections a host is reached."""

from __future__ import annotations

from nornir.core.inventory import Host

SHELL, NETMIKO = "shell", "netmiko"
OUTSIDERS = "outsiders"  # the group of hosts that are to be kept out
DEVICES = "devices"  # the group of hosts that have a command line of their own instead of sh


def connection_of(host: Host) -> str:
    """Name the connection by which a host is reached."""
    return NETMIKO if host.has_parent_group(DEVICES) else SHELL
