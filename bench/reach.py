"""The addresses, port and keys by which hosts are reached, directly or over a distance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from moor_lab.lab import Lab


@dataclass(frozen=True)
class Reach:
    """How the user ``ops`` logs in to hosts.

    Attributes:
        addresses: by host
        known_hosts: a file with the keys of all of them at these addresses
    """

    addresses: Mapping[str, str]
    key: Path
    known_hosts: Path
    port: int = 22


def direct(lab: Lab) -> Reach:
    """Return how the lab's hosts are reached without anything between."""
    addresses = {name: str(host.address) for name, host in lab.fleet.hosts.items()}
    return Reach(addresses, lab.key, lab.known_hosts)


def write_known_hosts(path: Path, keys: Mapping[str, str], port: int = 22) -> Path:
    """Write a known_hosts file.

    Args:
        keys: public keys in OpenSSH's format, by address
    """
    named = {address: address if port == 22 else f"[{address}]:{port}" for address in keys}
    path.write_text("".join(f"{named[address]} {' '.join(key.split()[:2])}\n" for address, key in keys.items()))
    return path
