"""The size of the benchmark, from environment variables.

BENCH_SIZES      numbers of hosts, such as 10,50,200,500,1000
BENCH_ROUNDS     how often everybody is measured
BENCH_TOOLS      who is measured, such as moor,ssh
BENCH_UPLOAD_MB  the size of the file that is uploaded
MOOR_LAB_NETWORK N of the network 10.N.0.0/16 that the hosts are on
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from moor.errors import InputError
from moor_lab.fleet import MAX_HOSTS


@dataclass(frozen=True)
class Scale:
    """The size of the benchmark."""

    sizes: list[int]
    rounds: int
    upload_mb: int
    tools: list[str]
    network: int


def asked(tools: Collection[str]) -> Scale:
    """Read the size from environment variables; raise InputError if one is invalid.

    Args:
        tools: that there are
    """
    return Scale(
        sizes=numbers("BENCH_SIZES", "10,50,200,500,1000", MAX_HOSTS),
        rounds=numbers("BENCH_ROUNDS", "3", 100)[0],
        upload_mb=numbers("BENCH_UPLOAD_MB", "700", 10_000)[0],
        tools=chosen(os.environ.get("BENCH_TOOLS", ",".join(tools)), tools),
        network=numbers("MOOR_LAB_NETWORK", "75", 255)[0],
    )


def chosen(words: str, tools: Collection[str]) -> list[str]:
    """Read the tools that take part, always including moor; raise InputError for an unknown one."""
    names = [word.strip() for word in words.split(",")]
    if unknown := [name for name in names if name not in tools]:
        raise InputError(f"BENCH_TOOLS: nobody is called {', '.join(unknown)} (there are: {', '.join(tools)})")
    return [name for name in tools if name in {"moor", *names}]


def numbers(name: str, default: str, most: int) -> list[int]:
    """Read whole numbers from the environment, sorted, each once; raise InputError for others."""
    words = [word.strip() for word in os.environ.get(name, default).split(",")]
    if not all(word.isascii() and word.isdigit() and 0 < int(word) <= most for word in words):
        raise InputError(f"{name}: numbers from 1 to {most}, parted by commas, are wanted, such as {default}")
    return sorted(set(map(int, words)))
