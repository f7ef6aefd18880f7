"""The hosts of an Ansible inventory as moor reaches them."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from moor.errors import InputError
from moor.init.found import Found, FoundHost
from moor.init.host_specs import is_host
from moor.init.sources.ansible.inventory import AnsibleInventory, Variables
from moor.init.sources.ansible.values import ARGUMENTS, Values
from moor.init.sources.naming import valid_name
from moor.secrets.secret import Secret

SSH_CONNECTIONS = ("", "ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.netcommon.libssh")
USERS_CONFIG = Path("~/.ssh/config")
# Options of ssh that moor has its own ways for, or that change nothing about which host is reached.
SETTLED = (
    *("controlmaster", "controlpersist", "controlpath", "stricthostkeychecking", "userknownhostsfile", "loglevel"),
    *("connecttimeout", "serveraliveinterval", "serveralivecountmax", "compression", "preferredauthentications"),
    *("passwordauthentication", "kbdinteractiveauthentication", "identitiesonly", "forwardagent", "batchmode"),
)
HEAD = "# How hosts are reached through others, out of {}. moor reads this for every host.\n"


@dataclass
class _Reading:
    """What is collected while the hosts are read.

    Attributes:
        jumps: the hosts' addresses by the line that ssh_config needs for them
        unread: the hosts by the variable that cannot be read
        notes: hosts by what is to be said of them
    """

    jumps: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def found_in(inventory: AnsibleInventory, source: str) -> Found:
    """Return the hosts of an inventory; raise InputError with every value that is none."""
    reading, hosts, faults = _Reading(), dict[str, FoundHost](), list[str]()
    for name, variables in inventory.every_host():
        try:
            host = _host(name, variables, inventory, reading)
        except InputError as error:
            faults.append(f"{source}: {name}: {error}")
            continue
        if host:
            made = valid_name(name, hosts)
            hosts[made] = FoundHost(**{**host.__dict__, "name": made, "hostname": _hostname(made, host)})
    if faults:
        raise InputError("\n".join(faults))
    groups = {name: tuple(inventory.parents(name)) for name in inventory.groups if name not in ("all", "ungrouped")}
    text = _ssh_config(reading, source)
    config = Path("ssh_config") if text else USERS_CONFIG if USERS_CONFIG.expanduser().is_file() else None
    notes = (*inventory.notes, *_notes(reading))
    return Found(source, hosts, _valid(groups), ssh_config=config, ssh_config_text=text, notes=notes)


def _hostname(name: str, host: FoundHost) -> str:
    return "" if host.hostname == name else host.hostname


def _valid(groups: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    known = {name: tuple(parent for parent in parents if parent != "all") for name, parents in groups.items()}
    return {valid_name(name): tuple(map(valid_name, parents)) for name, parents in known.items()}


def _host(name: str, variables: Variables, inventory: AnsibleInventory, reading: _Reading) -> FoundHost | None:
    """Return a host; None if Ansible does not reach it by SSH."""
    values = Values(variables)
    connection = values.text("connection")
    if connection not in SSH_CONNECTIONS:
        reading.notes[f"Ansible reaches it by {connection}, so it is left out"].append(name)
        return None
    address = values.text("host") or name
    if not is_host(address):
        raise InputError(f"ansible_host: {address} is no address and no name; correct it there")
    for line in _way(values, reading, name):
        reading.jumps[line].append(address)
    passwords = {kind: _password(values, kind) for kind in ("login", "sudo") if values.is_set(kind)}
    host = FoundHost(
        name,
        address,
        _port(values.text("port")),
        values.text("user"),
        values.text("key"),
        tuple(valid_name(group) for group in inventory.groups_of(name)),
        passwords=passwords,
    )
    for unread in values.unread:
        reading.unread[unread].append(name)
    return host


def _port(word: str) -> int:
    if word and not (word.isdecimal() and 1 <= int(word) <= 65535):
        raise InputError(f"ansible_port: {word} is not a port; it is 1 to 65535")
    return int(word or 0)


def _password(values: Values, kind: str) -> Secret | None:
    """Return a password; None for one that a vault encrypts, which the user is asked to bring."""
    known = len(values.unread)
    word = values.text(kind)
    del values.unread[known:]
    return Secret(word) if word else None


def _way(values: Values, reading: _Reading, host: str) -> Iterator[str]:
    """Yield the lines that ssh_config needs for what ssh's arguments say of the way to a host."""
    for name in ARGUMENTS:
        try:
            words = iter(shlex.split(values.of(name)))
        except ValueError:
            reading.unread[name].append(host)
            continue
        for word in words:
            option = _option(word, words)
            keyword, _, value = option.replace("=", " ", 1).partition(" ")
            if keyword.lower() in ("proxyjump", "proxycommand", "user", "identityfile", "port") and value.strip():
                yield f"{keyword} {' '.join(value.split())}"
            elif option and keyword.lower() not in SETTLED:
                reading.notes[f"{name} has {keyword}, which is not taken over"].append(host)


def _option(word: str, words: Iterator[str]) -> str:
    """Return one of ssh's arguments as a line of ssh_config; empty for a flag that says nothing of the way."""
    if word.startswith("-o"):
        return word[2:] or next(words, "")
    for flag, keyword in (("-J", "ProxyJump"), ("-i", "IdentityFile"), ("-l", "User"), ("-p", "Port"), ("-F", "-F")):
        if word.startswith(flag):
            return f"{keyword} {word[2:] or next(words, '')}"
    return ""


def _ssh_config(reading: _Reading, source: str) -> str:
    """Return the ssh_config of the new site; empty if no host needs one."""
    if not reading.jumps:
        return ""
    blocks = [
        f"\nHost {' '.join(others)}\n  {line}\n"
        for line, hosts in reading.jumps.items()
        if (others := _behind(line, hosts))
    ]
    own = f"\nMatch all\n  Include {USERS_CONFIG}\n" if USERS_CONFIG.expanduser().is_file() else ""
    return HEAD.format(source) + "".join(blocks) + own


def _behind(line: str, hosts: Iterable[str]) -> list[str]:
    """Return the hosts that a line is for, without a jump host itself, which Ansible's group may hold too."""
    keyword, _, way = line.partition(" ")
    jumps = {re.sub(r"^[^@]*@|:[0-9]+$", "", jump).strip("[]") for jump in way.split(",")}
    return list(dict.fromkeys(host for host in hosts if keyword.lower() != "proxyjump" or host not in jumps))


def _notes(reading: _Reading) -> Iterator[str]:
    for name, hosts in reading.unread.items():
        yield f"{' '.join(dict.fromkeys(hosts))}: {name} can be read by Ansible alone, so it is left out"
    for words, hosts in reading.notes.items():
        yield f"{' '.join(dict.fromkeys(hosts))}: {words}"
