"""The size of the benchmark, from environment variables.

BENCH_PARTS      what is measured, such as sizes,distance; the page keeps what is measured of the others
BENCH_SIZES      numbers of hosts, such as 10,50,200,500,1000
BENCH_ROUNDS     how often everybody is measured
BENCH_TOOLS      who is measured, such as moor,ssh
BENCH_UPLOAD_MB  the size of the file that is uploaded
BENCH_FAR        numbers of hosts that are measured over a distance
BENCH_FAR_MS     round trips of the distance in ms; moor alone is measured over those after the first
BENCH_FLEET      the number of hosts of the large fleet
BENCH_PLANNED    the number of hosts that are planned without network
BENCH_PROJECTS   the number of projects of the registry whose configuration is planned
BENCH_BUNDLE_MB  the size of the images that a bundle is made of
BENCH_IMAGES     the number of images of the cluster whose images are checked
BENCH_DEVICES    the number of network devices that are checked
BENCH_LINES      the number of lines of an access list through which nodes reach the registry
BENCH_INTO       the directory of results.json, results.md and results.svg
MOOR_LAB_NETWORK N of the network 10.N.0.0/16 that the hosts are on
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError
from moor_lab.fleet import MAX_HOSTS


@dataclass(frozen=True)
class Scale:
    """The size of the benchmark."""

    parts: list[str]
    sizes: list[int]
    rounds: int
    upload_mb: int
    tools: list[str]
    far_sizes: list[int]
    far_ms: list[int]
    fleet: int
    planned: int
    projects: int
    bundle_mb: int
    images: int
    devices: int
    lines: int
    into: Path
    network: int


def asked(tools: Collection[str], parts: Collection[str]) -> Scale:
    """Read the size from environment variables; raise InputError if one is invalid.

    Args:
        tools: that there are
        parts: that there are
    """
    return Scale(
        parts=chosen("BENCH_PARTS", parts),
        sizes=numbers("BENCH_SIZES", "10,50,200,1000", MAX_HOSTS),
        rounds=numbers("BENCH_ROUNDS", "2", 100)[0],
        upload_mb=numbers("BENCH_UPLOAD_MB", "700", 10_000)[0],
        tools=chosen("BENCH_TOOLS", tools, always="moor"),
        far_sizes=numbers("BENCH_FAR", "200,1000", MAX_HOSTS),
        far_ms=numbers("BENCH_FAR_MS", "40,80", 2000),
        fleet=numbers("BENCH_FLEET", "5000", 20_000)[0],
        planned=numbers("BENCH_PLANNED", "2000", 50_000)[0],
        projects=numbers("BENCH_PROJECTS", "300", 5000)[0],
        bundle_mb=numbers("BENCH_BUNDLE_MB", "1000", 20_000)[0],
        images=numbers("BENCH_IMAGES", "400", 5000)[0],
        devices=numbers("BENCH_DEVICES", "200", 2000)[0],
        lines=numbers("BENCH_LINES", "2000", 10_000)[0],
        into=directory("BENCH_INTO"),
        network=numbers("MOOR_LAB_NETWORK", "75", 255)[0],
    )


def directory(variable: str) -> Path:
    """Read a directory from the environment, by default this one; raise InputError if there is none."""
    found = Path(os.environ.get(variable, Path(__file__).parent))
    if not found.is_dir():
        raise InputError(f"{variable}: there is no directory {found}")
    return found


def chosen(variable: str, known: Collection[str], always: str = "") -> list[str]:
    """Read names from the environment, all by default, in their usual order; raise InputError for an unknown one.

    Args:
        always: the name that takes part in any case
    """
    names = [word.strip() for word in os.environ.get(variable, ",".join(known)).split(",")]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"{variable}: nothing is called {', '.join(unknown)} (there are: {', '.join(known)})")
    return [name for name in known if name in {always, *names}]


def numbers(name: str, default: str, most: int) -> list[int]:
    """Read whole numbers from the environment, sorted, each once; raise InputError for others."""
    words = [word.strip() for word in os.environ.get(name, default).split(",")]
    if not all(word.isascii() and word.isdigit() and 0 < int(word) <= most for word in words):
        raise InputError(f"{name}: numbers from 1 to {most}, parted by commas, are wanted, such as {default}")
    return sorted(set(map(int, words)))
