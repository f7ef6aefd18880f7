"""Opening nornir-netmiko's connection with strict host keys and secrets that are references."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import paramiko
from netmiko import NetmikoBaseException, ReadException
from nornir.core.configuration import Config
from nornir.core.inventory import Host

from moor.connections.names import NETMIKO
from moor.connections.ssh.failures import explain
from moor.connections.ssh.host_keys import known_of, name_of
from moor.connections.ssh.link import linked
from moor.connections.ssh.pinning import KeyScan, door_of
from moor.connections.ssh.private_keys import private_key
from moor.connections.ssh.session import netmiko_parameters
from moor.connections.ssh.unknown_key import UnknownHostKey
from moor.errors import ErrorKind, HostError, InputError


def open_device(host: Host, configuration: Config) -> None:
    """Open the host's connection ``netmiko``; raises HostError, InputError."""
    given = host.get_connection_parameters(NETMIKO)
    door = door_of(host, configuration.ssh.config_file)
    where = f"{door.where.hostname}:{door.where.port}"
    try:
        with _known_hosts(door) as path:
            _connect(host, configuration, door, path)
    except ReadException as error:
        raise HostError(
            f"{where}: logged in, but no prompt of {given.platform} came; is platform right in the inventory?",
            ErrorKind.ANSWER,
        ) from error
    except (NetmikoBaseException, OSError, EOFError, UnicodeError, paramiko.SSHException) as error:
        # Netmiko words some failures anew, at length, and keeps what happened as their context.
        its = type(error).__module__.startswith("netmiko")
        raise explain((error.__context__ if its else None) or error, where) from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{host.name}: connection_options.netmiko.extras, or platform: {error}") from error


def _connect(host: Host, configuration: Config, door: KeyScan, known_hosts: str) -> None:
    given, where = host.get_connection_parameters(NETMIKO), door.where
    parameters = netmiko_parameters(dict(given.extras or {}), given.password)
    for key in ("ssh_host_key", "known_hosts"):
        parameters.pop(key, None)
    if path := parameters.pop("key_file", None):
        parameters["pkey"] = private_key(Path(path), parameters.pop("passphrase", None))
    strict = {"ssh_strict": True, "system_host_keys": False, "alt_host_keys": True, "alt_key_file": known_hosts}
    # Netmiko would take a jump host's key without a look at it, so that it is not told of ssh_config.
    link = {"ssh_config_file": None, "sock": linked(where.proxy) if where.proxy else None}
    host.open_connection(
        NETMIKO,
        configuration,
        hostname=where.hostname,
        port=where.port,
        username=given.username or where.username,
        extras=parameters | strict | link,
    )
    if parameters.get("secret"):
        _enable(host, configuration, f"{where.hostname}:{where.port}")


def _enable(host: Host, configuration: Config, where: str) -> None:
    try:
        host.get_connection(NETMIKO, configuration).enable()
    except (ValueError, ReadException) as error:
        raise HostError(
            f"{where}: logged in, but the device grants no privileged mode; check secret in "
            "connection_options.netmiko.extras",
            ErrorKind.PRIVILEGE,
        ) from error


@contextmanager
def _known_hosts(door: KeyScan) -> Iterator[str]:
    """Return a file with the keys that the device may show, as long as the connection is being opened."""
    keys = known_of({"ssh_host_key": door.pins, "known_hosts": door.site}, door.name, door.where.known_hosts)
    if not keys:
        raise UnknownHostKey(door.shown())
    name = name_of(door.where.hostname, door.where.port)
    with NamedTemporaryFile("w", prefix="moor-known-hosts-") as file:
        file.writelines(f"{name} {key.get_name()} {key.get_base64()}\n" for key in keys)
        file.flush()
        yield file.name
