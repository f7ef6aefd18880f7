"""What a new site is written from: the answers completed by the source, with nothing missing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from moor.connections.ssh.ssh_config import options_of_host
from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import Found, FoundHost
from moor.init.host_specs import is_address, is_host
from moor.init.roles import CONTROL_PLANE, HARBOR, Cast, cast_roles

HTTPS = 443
MANY = 30  # so many names are listed
NO_REGISTRY = "--registry NAME: the registry's full name, such as registry.example.org"
NO_ADDRESS = "--registry-address ADDRESS: {} does not resolve here, and nothing else says the registry's address"
NO_HOST = "--nodes HOSTS: the hosts that pull; or --harbor, --control-plane, --workstation"


@dataclass(frozen=True)
class SiteFacts:
    """Everything that the files of a new site say.

    Attributes:
        name: the registry's
        address: the registry's
    """

    answers: Answers
    found: Found
    cast: Cast
    name: str
    port: int
    address: str

    @property
    def is_own(self) -> bool:
        """Return whether moor installs the registry."""
        return self.cast.first(HARBOR) is not None

    @property
    def kubeconfig(self) -> str:
        """Return the path of the cluster's kubeconfig; empty without one."""
        known = self.answers.hosts.kubeconfig or str(self.found.kubeconfig or "")
        return absolute(known) if known else ""


def absolute(path: str) -> str:
    """Return a path that holds from any directory; one below the home directory keeps its tilde."""
    return path if path.startswith("~") else os.path.abspath(path)


def complete(answers: Answers, found: Found) -> SiteFacts:
    """Return the facts of a new site.

    Raises:
        InputError: everything that is missing or wrong, each with its option.
    """
    cast, faults = Cast(), list[str]()
    try:
        cast = _by_one_login(cast_roles(answers, _without_logins(answers, found)), answers)
    except InputError as error:
        faults += str(error).splitlines()
    faults += () if faults else misfits(answers, found, cast)
    name, port = _registry(answers.registry.registry, faults)
    address = _address(answers, found, cast, name)
    lines = [*faults, *(() if faults else missing(answers, found, cast, address))]
    if lines:
        raise InputError("\n".join(lines))
    return SiteFacts(answers, found, cast, name, port, address)


def _without_logins(answers: Answers, found: Found) -> Found:
    """Drop the users and keys of the source where an option names one for all hosts."""
    hosts = found.hosts
    if answers.hosts.user:
        hosts = {name: replace(host, username="") for name, host in hosts.items()}
    if answers.hosts.key:
        hosts = {name: replace(host, key_file="") for name, host in hosts.items()}
    return replace(found, hosts=hosts)


def _by_one_login(cast: Cast, answers: Answers) -> Cast:
    """Put the user and the key that options name into the hosts that have none of their own."""
    user, key = answers.hosts.user, absolute(answers.hosts.key) if answers.hosts.key else ""
    cast.hosts = {
        name: replace(host, username=host.username or user, key_file=host.key_file or key)
        for name, host in cast.hosts.items()
    }
    return cast


def misfits(answers: Answers, found: Found, cast: Cast) -> Iterator[str]:
    """Yield a line for each option that would count for nothing."""
    typed, is_own = answers.registry, cast.first(HARBOR) is not None
    for option, word in (("installer", typed.installer), ("project", typed.project)):
        if word and not is_own:
            yield f"--{option}: it is for a Harbor that moor installs; name its host by --harbor, or leave it out"
    for option, word in (("ca", typed.ca), ("login", typed.login), ("api", typed.api)):
        if word and is_own:
            yield f"--{option}: it is for a registry that is there already; leave it out, or leave --harbor out"
    if answers.hosts.kubeconfig and cast.hosts and not cast.first(CONTROL_PLANE):
        yield "--kubeconfig: it is for the host of the control plane; name that by --control-plane, or leave it out"
    if (answers.hosts.netbox_token or answers.hosts.netbox_ca) and not found.netbox:
        yield "--netbox-token, --netbox-ca: they go with --from netbox URL"


def missing(answers: Answers, found: Found, cast: Cast, address: str) -> Iterator[str]:
    """Yield a line for each answer that a site cannot do without and that is not known."""
    if not answers.registry.registry:
        yield NO_REGISTRY
    if not cast.hosts:
        yield NO_HOST + (f" ({_seen(found)})" if found.hosts else "")
    if answers.registry.registry and not address and cast.hosts:
        yield NO_ADDRESS.format(answers.registry.registry)


def _seen(found: Found) -> str:
    names = list(found.hosts)
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return f"{found.source} has: {' '.join(names[:MANY])}{more}"


def _registry(word: str, faults: list[str]) -> tuple[str, int]:
    """Return the name and the port of the registry."""
    bare = word.partition("://")[2].rstrip("/") if "://" in word else word
    if fault := registry_fault(bare):
        faults.append(f"--registry: {fault}")
    name, _, port = bare.partition(":")
    return name.lower(), int(port) if port.isdigit() else HTTPS


def registry_fault(word: str) -> str:
    """Return why a word is no NAME or NAME:PORT of a registry, and what to write; empty if it is one."""
    name, colon, port = word.partition(":")
    if colon and not (port.isdecimal() and 1 <= int(port) <= 65535):
        return f"{word}: not a port; write NAME or NAME:PORT"
    return f"{word}: not a host name; write NAME or NAME:PORT" if word and not is_host(name) else ""


def _address(answers: Answers, found: Found, cast: Cast, name: str) -> str:
    """Return the registry's address: as typed, or that of its host, or what its name resolves to; else nothing."""
    host = cast.first(HARBOR)
    if answers.registry.registry_address:
        return answers.registry.registry_address
    if host is None:
        return _resolved(name)
    return _resolved(_of_ssh_config(host, found))


def _of_ssh_config(host: FoundHost, found: Found) -> str:
    if found.ssh_config is None:
        return host.address
    with suppress(InputError):  # said when the hosts are reached
        return str(options_of_host(found.ssh_config, host.address).get("hostname") or host.address)
    return host.address


def _resolved(name: str) -> str:
    """Return the address of a name that other hosts can use too; empty if there is none."""
    if not name or is_address(name):
        return name
    with suppress(OSError, UnicodeError):
        for *_, address in socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP):
            found = ip_address(str(address[0]).partition("%")[0])
            if not (found.is_loopback or found.is_link_local):
                return str(found)
    return ""


def known_file(path: str) -> bool:
    """Return whether a file is there."""
    return bool(path) and Path(path).expanduser().is_file()
