"""The login to network devices by nornir-netmiko, with strict host keys, jump hosts and secret references."""

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
from moor.connections.ssh.failures import CUT, NO_SSH, explain, failure_of
from moor.connections.ssh.host_keys import accepted_keys, known_hosts_name
from moor.connections.ssh.host_socket import HostSocket, open_indirect_socket
from moor.connections.ssh.pinning import KeyScan, key_scan_of
from moor.connections.ssh.private_keys import private_key
from moor.connections.ssh.session import netmiko_parameters
from moor.connections.ssh.unknown_key import UnknownHostKey
from moor.errors import ErrorKind, HostError, InputError


def open_device(host: Host, configuration: Config) -> None:
    """Open the host's connection ``netmiko``; raises HostError, InputError."""
    given = host.get_connection_parameters(NETMIKO)
    scan = key_scan_of(host, configuration.ssh.config_file)
    place = f"{scan.where.hostname}:{scan.where.port}"
    sock = None
    try:
        with _known_hosts_file(scan) as path:
            sock = open_indirect_socket(scan.where)
            _connect(host, configuration, scan, path, sock)
    except ReadException as error:
        raise HostError(
            f"{place}: logged in, but no prompt of {given.platform} came; is platform right in the inventory?",
            ErrorKind.ANSWER,
        ) from error
    except (NetmikoBaseException, OSError, EOFError, UnicodeError, paramiko.SSHException) as error:
        raise explain(_cause_of(error, sock), place) from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{host.name}: connection_options.netmiko.extras, or platform: {error}") from error
    finally:
        if sock is not None and NETMIKO not in host.connections:
            sock.close()


def _cause_of(error: Exception, sock: HostSocket | None) -> Exception:
    """Return the original exception behind Netmiko's own, or one with what the ProxyCommand printed.

    The latter counts only if the connection broke before the login: ssh also prints a jump host's banner.
    """
    is_netmikos = type(error).__module__.startswith("netmiko")
    cause = error.__context__ if is_netmikos and isinstance(error.__context__, Exception) else error
    if sock is not None and failure_of(cause) in (CUT, NO_SSH) and (printed := sock.proxy_errors()):
        return paramiko.ProxyCommandFailure("", printed)
    return cause


def _connect(host: Host, configuration: Config, scan: KeyScan, known_hosts: str, sock: HostSocket | None) -> None:
    given, where = host.get_connection_parameters(NETMIKO), scan.where
    parameters = netmiko_parameters(dict(given.extras or {}), given.password)
    for key in ("ssh_host_key", "known_hosts"):
        parameters.pop(key, None)
    if path := parameters.pop("key_file", None):
        parameters["pkey"] = private_key(Path(path), parameters.pop("passphrase", None))
    strict = {"ssh_strict": True, "system_host_keys": False, "alt_host_keys": True, "alt_key_file": known_hosts}
    # Netmiko would accept a jump host's key without a check, so it gets a socket and no ssh_config.
    way = {"ssh_config_file": None, "sock": sock}
    host.open_connection(
        NETMIKO,
        configuration,
        hostname=where.hostname,
        port=where.port,
        username=given.username or where.username,
        extras=parameters | strict | way,
    )
    if parameters.get("secret"):
        _enable(host, configuration, f"{where.hostname}:{where.port}")


def _enable(host: Host, configuration: Config, place: str) -> None:
    try:
        host.get_connection(NETMIKO, configuration).enable()
    except (ValueError, ReadException) as error:
        raise HostError(
            f"{place}: logged in, but the device grants no privileged mode; check secret in "
            "connection_options.netmiko.extras",
            ErrorKind.PRIVILEGE,
        ) from error


@contextmanager
def _known_hosts_file(scan: KeyScan) -> Iterator[str]:
    """Write the keys that the device may show to a temporary known_hosts, and yield its path."""
    keys = accepted_keys({"ssh_host_key": scan.pins, "known_hosts": scan.site}, scan.name, scan.where.known_hosts)
    if not keys:
        raise UnknownHostKey(scan.scan())
    name = known_hosts_name(scan.where.hostname, scan.where.port)
    with NamedTemporaryFile("w", prefix="moor-known-hosts-") as file:
        file.writelines(f"{name} {key.get_name()} {key.get_base64()}\n" for key in keys)
        file.flush()
        yield file.name
