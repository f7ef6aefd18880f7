"""All contenders, and the numbers of hosts that each is measured on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.contenders.ansible import Ansible, AnsibleRaw
from bench.contenders.bundlewrap import Bundlewrap
from bench.contenders.contender import Contender
from bench.contenders.moor import LIBRARIES, OTHERS, Moor
from bench.contenders.pyinfra import Pyinfra
from bench.contenders.ssh import Ssh
from bench.reach import Reach
from moor_lab.fleet import MAX_HOSTS

Entry = Callable[[Reach, Path], Contender]

# Tools that take half a second of CPU per host are not measured on hundreds, and the dearest of them only once; their
# cost per host stays the same.
TOOLS: dict[str, Entry] = {
    "moor": partial(Moor, largest=MAX_HOSTS),
    **{f"moor-{LIBRARIES[name].name}": partial(Moor, largest=200, backend=name) for name in OTHERS},
    "ssh": partial(Ssh, largest=200),
    "pyinfra": partial(Pyinfra, largest=200),
    "ansible-raw": partial(AnsibleRaw, largest=200),
    "ansible": partial(Ansible, largest=50, rounds=1),
    "bundlewrap": partial(Bundlewrap, largest=50),
}

# Over a distance each works on as many hosts at once as shorten its run; moor finds its own number.
FAR_AT_ONCE = {"pyinfra": 100, "ansible-raw": 50}
FAR: dict[str, Entry] = {
    "moor": TOOLS["moor"],
    "pyinfra": partial(Pyinfra, largest=MAX_HOSTS, rounds=1, at_once=FAR_AT_ONCE["pyinfra"]),
    "ansible-raw": partial(AnsibleRaw, largest=MAX_HOSTS, rounds=1, at_once=FAR_AT_ONCE["ansible-raw"]),
}


def entered(reach: Reach, place: Path, tools: Sequence[str], entries: dict[str, Entry] = TOOLS) -> list[Contender]:
    """Return the contenders that take part, each with its own directory."""
    found = []
    for name, entry in entries.items():
        if name in tools:
            (place / name).mkdir(parents=True)
            found.append(entry(reach, place / name))
    return found
