"""The labs of the tests, each on a network of its own, so that labs of one run can be up at the same time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    "moored-too": 50,
    "moored": 60,
    "router": 70,
    "faults": 80,
    "dns": 90,
    "put-back": 100,
    "runtimes": 110,
    "two-registries": 120,
}
MOORED = ("moored", "moored-too")  # alike, so that two processes share the tests of a fleet that works


def fleet_of_lab(name: str) -> Fleet:
    """Return the shipped fleet on the network, in the directory and under the name of a lab of ``OFFSETS``."""
    number = int(os.environ.get("MOOR_LAB_NETWORK", DEFAULT_BASE)) + OFFSETS[name]
    return load_fleet().moved(IPv4Network(f"10.{number}.0.0/16"), f"t{number}", Path(f"/var/lib/moor-lab-t{number}"))


@contextmanager
def one_of_labs(*names: str) -> Iterator[str]:
    """Yield the first of some labs that no other process of the tests holds, and hold it within the block."""
    for name in names:
        with Path(tempfile.gettempdir(), f"moor-test-{fleet_of_lab(name).name}.lock").open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield name
            return
    raise AssertionError(f"all of {', '.join(names)} are in use")
