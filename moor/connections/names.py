"""The names of the connection plugins for hosts and devices, and of the groups that decide between them."""

from __future__ import annotations

from nornir.core.inventory import Host

SHELL, NETMIKO, KUBERNETES = "shell", "netmiko", "kubernetes"
OUTSIDERS = "outsiders"  # the group of hosts that must not reach the registry
DEVICES = "devices"  # the group of network devices, which have a command line of their own instead of sh
CLUSTERS = "clusters"  # the group of clusters without a host to log in to: only their API is reached


def connection_of(host: Host) -> str:
    """Return the name of the connection by which a host is reached."""
    if host.has_parent_group(DEVICES):
        return NETMIKO
    return KUBERNETES if host.has_parent_group(CLUSTERS) else SHELL
