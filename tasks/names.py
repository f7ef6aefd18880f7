"""The fleet's names on every host, so that the registry's resolves without a name service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import ClassVar, Literal

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field, IPvAnyAddress

from moor.engine.converge import converge
from moor.errors import InputError
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.settings import Section, settings_of
from tasks.facts import HostName, Registry

Address = IPv4Address | IPv6Address

HOSTS = "/etc/hosts"
# Where cloud-init is told to manage /etc/hosts it writes the file from this at every boot.
CLOUD_TEMPLATE = "/etc/cloud/templates/hosts.debian.tmpl"
BEGIN, END = "# BEGIN moor", "# END moor"
NOTE = "# What stands between these lines is written by moor; change the inventory instead."
SPACE = r"[ \t\v\f\r]"  # what parts words in hosts(5), whatever else Unicode calls a space
ENTRY = re.compile(rf"(?P<head>{SPACE}*(?P<address>[^\s#]+))(?P<names>[^#\n]*)(?P<comment>#[^\n]*)?(?P<end>\n?)")


class Names(Section):
    """How hosts learn the fleet's names.

    mode   hosts: a block in /etc/hosts
    hosts  further names in that block, each with its address; the registry's own come from ``registry``
    """

    section: ClassVar[str] = "names"

    mode: Literal["hosts"] = "hosts"
    hosts: dict[HostName, IPvAnyAddress] = Field(default_factory=dict)


def desired(host: Host) -> Sequence[Resource]:
    """The block in /etc/hosts, and in what that file is made from at boot, where it is."""
    names = names_for(host)
    return [
        Edit(HOSTS, "names", lambda content, _: with_block(content, names)),
        Edit(CLOUD_TEMPLATE, "names", partial(_if_there, names), asks=f"[ ! -e {CLOUD_TEMPLATE} ] || echo there"),
    ]


def names_for(host: Host) -> dict[str, Address]:
    """Give every name that the host must know with its address, the registry's first."""
    registry, extra = settings_of(host, Registry), settings_of(host, Names).hosts
    if twice := [name for name in registry.names if name in extra]:
        raise InputError(
            f"{host.name}: data.names.hosts has {', '.join(twice)}, which is the registry's; "
            "its address is data.registry.address"
        )
    return {**dict.fromkeys(registry.names, registry.address), **extra}


def write_hosts(task: Task) -> Result:
    """Make the host know the fleet's names, and remove entries that say otherwise."""
    return converge(task, desired(task.host))


def _if_there(names: Mapping[str, Address], content: str, facts: str) -> str:
    return with_block(content, names) if facts else content


def with_block(content: str, names: Mapping[str, Address]) -> str:
    """Give a hosts file with moor's block, where it stands or else at the end.

    Elsewhere only the names that another address claims are taken out: the first line that names a host wins.
    """
    lines, at = _outside(re.findall(r"[^\n]*\n|[^\n]+", content))
    above = "".join(_freed(line, names) for line in lines[:at])
    below = "".join(_freed(line, names) for line in lines[at:])
    gap = "\n" if above and not above.endswith("\n") else ""
    return f"{above}{gap}{''.join(_block(names))}{below}"


def _outside(lines: list[str]) -> tuple[list[str], int]:
    """Give the lines outside of all blocks, and how many of them stand above the first.

    A block without an end is its first line alone: what follows may be other people's.
    """
    words = [line.strip(" \t\v\f\r\n") for line in lines]
    kept: list[str] = []
    place, number = -1, 0
    while number < len(lines):
        if words[number] in (BEGIN, END):
            place = len(kept) if place < 0 else place
            number = _last(words, number)
        else:
            kept.append(lines[number])
        number += 1
    return kept, place if place >= 0 else len(kept)


def _last(words: list[str], first: int) -> int:
    """Give the number of a block's last line, which is ``first`` itself where the block has no end."""
    following = (number for number in range(first + 1, len(words)) if words[number] in (BEGIN, END))
    end = next(following, first)
    return end if words[first] == BEGIN and words[end] == END else first


def _freed(line: str, names: Mapping[str, Address]) -> str:
    """Give a line without those of ``names`` that it gives another address; empty where nothing else is left."""
    entry = ENTRY.fullmatch(line)
    address = _address(entry["address"]) if entry else None
    if not entry or address is None:
        return line
    words = [word for word in re.split(SPACE, entry["names"]) if word]
    doomed = {word for word in words if names.get(word.lower(), address) != address}
    if not doomed:
        return line
    comment = entry["comment"] or ""
    if doomed == set(words):
        return comment + entry["end"] if comment else ""
    pattern = rf"{SPACE}+(?:{'|'.join(map(re.escape, sorted(doomed)))})(?={SPACE}|$)"
    return entry["head"] + re.sub(pattern, "", entry["names"]) + comment + entry["end"]


def _address(word: str) -> Address | None:
    try:
        return ip_address(word)
    except ValueError:
        return None


def _block(names: Mapping[str, Address]) -> Iterator[str]:
    yield f"{BEGIN}\n{NOTE}\n"
    for address in dict.fromkeys(names.values()):
        yield f"{address} {' '.join(name for name, its in names.items() if its == address)}\n"
    yield f"{END}\n"
