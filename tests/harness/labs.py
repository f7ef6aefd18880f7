"""The labs of the tests, each on a network of its own, so that labs of one run can be up at the same time."""

from __future__ import annotations

import os
from ipaddress import IPv4Network
from pathlib import Path

from moor_lab.fleet import Fleet, load_fleet

DEFAULT_BASE = 78
# A lab is on 10.N.0.0/16, N being MOOR_LAB_NETWORK plus its offset. Other checkouts test on other bases, mostly a few
# above or below, so that offsets ten apart keep their labs apart too.
OFFSETS = {
    "shared": 0,
    "harbor-standin": 1,
    "firewall": 20,
    "diagnose-many": 30,
    "main-path": 40,
    "moored": 60,
    "router": 70,
    "faults": 80,
    "dns": 90,
    "put-back": 100,
    "runtimes": 110,
    "two-registries": 120,
}


def fleet_of_lab(name: str) -> Fleet:
    """Return the shipped fleet on the network, in the directory and under the name of a lab of ``OFFSETS``."""
    number = int(os.environ.get("MOOR_LAB_NETWORK", DEFAULT_BASE)) + OFFSETS[name]
    return load_fleet().moved(IPv4Network(f"10.{number}.0.0/16"), f"t{number}", Path(f"/var/lib/moor-lab-t{number}"))
