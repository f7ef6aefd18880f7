"""Hosts out of a file of hosts: lines of addresses and names as in /etc/hosts, or one host a line as it is typed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found, FoundHost
from moor.init.host_specs import hosts_of, is_address
from moor.init.sources.naming import valid_name
from moor.init.sources.text_file import read_text


def read(where: str, answers: Answers) -> Found:
    """Return the hosts of a file; raise InputError with every line that is none."""
    path = Path(where).expanduser()
    found, faults = dict[str, FoundHost](), list[str]()
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.partition("#")[0].split()
        try:
            for host in _hosts(words) if words else ():
                found.setdefault(host.name, host)  # the first line of a name counts, as in the resolver
        except InputError as error:
            faults.append(f"{path}:{number}: {error}")
    if faults:
        raise InputError("\n".join(faults))
    if not found:
        raise InputError(f"{path}: no hosts in it; a line is ADDRESS NAME, or a host alone")
    return Found(str(path), found)


def _hosts(words: list[str]) -> list[FoundHost]:
    """Return the host of one line; none for the machine itself and for groups of addresses."""
    if len(words) == 1:
        return [replace(host, name=valid_name(host.name or host.hostname)) for host in hosts_of(words[0])]
    address, *names = words
    bare = address.partition("%")[0]
    if not is_address(bare):
        raise InputError(f"{address} is not an address; a line is ADDRESS NAME, or a host alone")
    if _is_no_machine(bare):
        return []
    short = next((name for name in names if "." not in name), names[0])
    return [FoundHost(valid_name(short), bare)]


def _is_no_machine(address: str) -> bool:
    """Return whether an address is this machine's own, or one of many machines."""
    found = ip_address(address)
    own = found.is_loopback or found.is_unspecified or found.is_link_local
    return own or found.is_multicast or address == "255.255.255.255"
