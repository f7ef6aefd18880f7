"""All contenders, and the numbers of hosts that each is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.contenders.ansible import Ansible, AnsibleRaw
from bench.contenders.bundlewrap import Bundlewrap
from bench.contenders.contender import Contender
from bench.contenders.moor import Moor, MoorLibssh
from bench.contenders.pyinfra import Pyinfra
from bench.contenders.ssh import Ssh
from moor_lab.lab import Lab

# Tools that take half a second of CPU per host are not measured on hundreds; their cost per host stays the same.
TOOLS: dict[str, tuple[type[Contender], int]] = {
    "moor": (Moor, 1000),
    **({"moor-libssh": (MoorLibssh, 1000)} if find_spec("ssh") else {}),  # an extra, which may not be installed
    "ssh": (Ssh, 200),
    "pyinfra": (Pyinfra, 200),
    "ansible-raw": (AnsibleRaw, 200),
    "ansible": (Ansible, 50),
    "bundlewrap": (Bundlewrap, 50),
}


def entered(lab: Lab, place: Path, tools: Sequence[str] = tuple(TOOLS)) -> list[Contender]:
    """Return the contenders that take part, each with its own directory."""
    found = []
    for name in tools:
        kind, largest = TOOLS[name]
        (place / name).mkdir()
        found.append(kind(lab, place / name, largest))
    return found
