"""The login to network devices by nornir-netmiko, with strict host keys, jump hosts and secret references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
from netmiko import BaseConnection, NetmikoBaseException, ReadException
from nornir.core.configuration import Config
from nornir.core.inventory import ConnectionOptions, Host
from nornir_netmiko.connections.netmiko import Netmiko, napalm_to_netmiko_map  # type: ignore[import-untyped]

from moor.connections.devices.netmiko_sessions import register
from moor.connections.names import NETMIKO
from moor.connections.ssh.failures import CUT, NO_SSH, explain, failure_of
from moor.connections.ssh.host_keys import accepted_keys
from moor.connections.ssh.host_socket import HostSocket, open_indirect_socket
from moor.connections.ssh.pinning import KeyScan, key_scan
from moor.connections.ssh.private_keys import private_key
from moor.connections.ssh.session import netmiko_parameters
from moor.connections.ssh.unknown_key import UnknownHostKey
from moor.errors import ErrorKind, HostError, InputError


class CheckedNetmiko(Netmiko):  # type: ignore[misc] # nornir-netmiko has no types
    """nornir-netmiko's connection with moor's host keys, jump hosts and secret references.

    moor registers it as ``netmiko``, so that nornir-netmiko's tasks in a script are as strict as moor's own.
    """

    connection: BaseConnection

    def __init__(self, called: str = "") -> None:
        self.called = called  # the host's name in messages; Nornir tells a plugin the address alone

    def open(
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Log in once the key that the host shows is a known one; raises HostError, InputError."""
        given = ConnectionOptions(hostname, port, username, password, platform, extras)
        scan = key_scan(self.called or hostname or "", given, configuration.ssh.config_file if configuration else None)
        place = f"{scan.where.hostname}:{scan.where.port}"
        sock = None
        try:
            accepted = _accepted_keys(scan)
            sock = open_indirect_socket(scan.where)
            self._log_in(given, scan, accepted, sock)
        except ReadException as error:
            raise HostError(
                f"{place}: logged in, but no prompt of {platform} came; is platform right in the inventory?",
                ErrorKind.ANSWER,
            ) from error
        except (NetmikoBaseException, OSError, EOFError, UnicodeError, paramiko.SSHException) as error:
            raise explain(_cause_of(error, sock), place) from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{scan.called}: connection_options.netmiko.extras, or platform: {error}") from error
        finally:
            if sock is not None and not self.is_open:
                sock.close()

    @property
    def is_open(self) -> bool:
        """Return whether the login has succeeded."""
        return "connection" in vars(self)

    def close(self) -> None:
        """End the connection at once; Nornir closes one that could not be opened too.

        Netmiko would leave configuration mode first, for which it waits seconds on some platforms; a device ends the
        session with its connection, and drops what was not committed.
        """
        if self.is_open and self.connection.protocol == "ssh" and not self.connection.session_log:
            self.connection.paramiko_cleanup()
        elif self.is_open:
            super().close()

    def _log_in(
        self, given: ConnectionOptions, scan: KeyScan, accepted: list[paramiko.PKey], sock: HostSocket | None
    ) -> None:
        parameters = netmiko_parameters(dict(given.extras or {}), given.password)
        for key in ("ssh_host_key", "known_hosts"):
            parameters.pop(key, None)
        if path := parameters.pop("key_file", None):
            parameters["pkey"] = private_key(Path(path), parameters.pop("passphrase", None))
        device_type = parameters.get("device_type") or napalm_to_netmiko_map.get(given.platform, given.platform)
        keys = {"accepted": accepted} if register(device_type) else {}
        strict = {"ssh_strict": True, "system_host_keys": False, "alt_host_keys": False}
        # Netmiko would accept a jump host's key without a check, so it gets a socket and no ssh_config.
        way = {"ssh_config_file": None, "sock": sock}
        super().open(
            hostname=scan.where.hostname,
            username=given.username or scan.where.username,
            password=None,
            port=scan.where.port,
            platform=given.platform,
            extras=parameters | strict | way | keys,
        )


def open_device(host: Host, configuration: Config) -> None:
    """Open the host's connection ``netmiko``, in privileged mode if it has a secret; raises HostError, InputError."""
    given, plugin = host.get_connection_parameters(NETMIKO), CheckedNetmiko(host.name)
    plugin.open(
        hostname=given.hostname or host.name,
        username=given.username,
        password=given.password,
        port=given.port,
        platform=given.platform,
        extras=given.extras,
        configuration=configuration,
    )
    host.connections[NETMIKO] = plugin
    if (given.extras or {}).get("secret"):
        _enable(plugin.connection, f"{plugin.connection.host}:{plugin.connection.port}")


def _cause_of(error: Exception, sock: HostSocket | None) -> Exception:
    """Return the original exception behind Netmiko's own, or one with what the ProxyCommand printed.

    The latter counts only if the connection broke before the login: ssh also prints a jump host's banner.
    """
    is_netmikos = type(error).__module__.startswith("netmiko")
    cause = error.__context__ if is_netmikos and isinstance(error.__context__, Exception) else error
    if sock is not None and failure_of(cause) in (CUT, NO_SSH) and (printed := sock.proxy_errors()):
        return paramiko.ProxyCommandFailure("", printed)
    return cause


def _enable(device: BaseConnection, place: str) -> None:
    try:
        device.enable()
    except (ValueError, ReadException) as error:
        raise HostError(
            f"{place}: logged in, but the device grants no privileged mode; check secret in "
            "connection_options.netmiko.extras",
            ErrorKind.PRIVILEGE,
        ) from error


def _accepted_keys(scan: KeyScan) -> list[paramiko.PKey]:
    """List the keys that the device may show; raise UnknownHostKey, with the one that it shows, if there are none."""
    keys = accepted_keys({"ssh_host_key": scan.pins, "known_hosts": scan.site}, scan.name, scan.where.known_hosts)
    if not keys:
        raise UnknownHostKey(scan.scan())
    return keys
