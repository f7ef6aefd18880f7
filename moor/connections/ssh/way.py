"""The way to a host: what its login shares with the logins of other hosts."""

from __future__ import annotations

import socket

from moor.connections.ssh.destination import destination_steps
from moor.connections.ssh.steps import Steps
from moor.connections.ssh.tcp import address_steps


def plain_way(hostname: str, port: int) -> str:
    """Return the way to a host as its inventory has it: a name, which may be another host's too, or an address."""
    return f"{hostname}:{port}"


def way_steps(hostname: str, port: int, username: str, config_file: str | None) -> Steps[str]:
    """Return the way to a host as it really is: its address, behind its jump hosts; raises InputError.

    Args:
        hostname: the one of the inventory.
        port: 22 leaves the port to ssh_config.
        username: an empty one leaves it to ssh_config.
        config_file: an ssh_config, or None.
    """
    found = yield from destination_steps(hostname, port, username, config_file)
    if found.proxy:
        jumps = " ".join(f"{jump.hostname}:{jump.port}" for jump in found.jumps)
        return jumps or found.proxy.replace(found.hostname, "%h")
    try:
        addresses = yield from address_steps(found.hostname, found.port)
    except (OSError, UnicodeError):
        return plain_way(found.hostname, found.port)  # the login will say so
    return plain_way(str(addresses[0][4][0]), found.port)


def is_address(hostname: str) -> bool:
    """Return whether a hostname is an address, so that no look-up can show that it is another host's as well."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, hostname)
        except OSError:
            continue
        return True
    return False
