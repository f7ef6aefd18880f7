"""Netmiko's sessions as moor opens them: with strict host keys, and a prompt that is read by ``Terminal``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import paramiko
from netmiko import BaseConnection, NetmikoTimeoutException, ReadTimeout

from moor.connections.devices.platforms import OWN_PLATFORMS
from moor.connections.devices.terminal import NoPromptError, Terminal
from moor.connections.ssh.host_keys import known_hosts_name
from moor.connections.ssh.netmiko_driver import IDLE_S, RETRIED, Keyring, RefuseUnknownKey, hang_up, make_transport

PROMPT_S = 20  # of silence after the login, or after a line
NO_SSH = ("_telnet", "_serial")


class StrictSession(BaseConnection):
    """A session of Netmiko over moor's transport, which accepts the keys that it is given and no other.

    Netmiko itself reads keys from a file alone, a few at each login as slowly as thousands.
    """

    def __init__(self, *args: Any, accepted: Sequence[paramiko.PKey] = (), **parameters: Any) -> None:
        self.accepted = accepted  # none if a script calls Netmiko itself, which then does as ever
        super().__init__(*args, **parameters)

    def _build_ssh_client(self) -> paramiko.SSHClient:
        client = super()._build_ssh_client()
        if self.accepted:
            name = known_hosts_name(self.host, self.port)
            client._system_host_keys = {name: Keyring(self.accepted)}  # type: ignore[attr-defined]
            client.set_missing_host_key_policy(RefuseUnknownKey())
        return client

    def _connect_params_dict(self) -> dict[str, Any]:
        return super()._connect_params_dict() | {"transport_factory": make_transport}

    def establish_connection(self, width: int = 511, height: int = 1000) -> None:
        """Connect; try once more after the known fault of paramiko, unless the way there is used up."""
        try:
            super().establish_connection(width, height)
        except NetmikoTimeoutException as error:
            if RETRIED not in str(error) or self.sock:
                raise
            super().establish_connection(width, height)
        if transport := self._transport():  # its thread wakes at this pace while a device prints nothing
            transport.sock.settimeout(min(IDLE_S, self.keepalive or IDLE_S))

    def paramiko_cleanup(self) -> None:
        """Close the channel and the connection at once, without a wait for paramiko's thread to look."""
        transport = self._transport()
        if self.remote_conn is not None:
            self.remote_conn.close()
        if transport is not None:
            hang_up(transport)
        super().paramiko_cleanup()

    def normalize_linefeeds(self, a_string: str) -> str:
        """Return a text with line feeds alone; Netmiko's patterns take longer than all else about a long answer."""
        usual = a_string.replace("\r\n", "\n")
        if self.RESPONSE_RETURN == "\n" and "\r" not in usual:
            return usual
        return super().normalize_linefeeds(a_string)

    def _transport(self) -> paramiko.Transport | None:
        return self.remote_conn_pre.get_transport() if self.remote_conn_pre else None


class WholeGreeting(StrictSession):
    """A session that reads a device's greeting up to the prompt before it sends anything.

    Netmiko stops at the first mark that prompts end with, which a greeting may hold: of "% Authorized users only" it
    concludes that Junos is at the prompt of a shell. On VyOS it waits for two seconds of silence.
    """

    def _test_channel_read(self, count: int = 40, pattern: str = "") -> str:
        try:
            return Terminal(self).read_greeting(PROMPT_S)
        except NoPromptError as error:
            raise ReadTimeout(str(error)) from error

    def find_prompt(self, delay_factor: float = 1.0, pattern: str | None = None) -> str:
        """Return the prompt as it is now, once it has come; Netmiko sleeps before and after."""
        try:
            return Terminal(self).find_prompt(PROMPT_S)
        except NoPromptError as error:
            raise ReadTimeout(str(error)) from error


def register(device_type: str) -> bool:
    """Have Netmiko open a device type by moor's sessions; return whether it is reached by SSH."""
    # A function of the package has the same name as this module, so that an import would return the function.
    mapper = sys.modules["netmiko.ssh_dispatcher"].CLASS_MAPPER
    if device_type not in mapper or device_type.endswith(NO_SSH):
        return False
    if not issubclass(mapper[device_type], StrictSession):
        base = WholeGreeting if device_type in OWN_PLATFORMS else StrictSession
        mapper[device_type] = type(mapper[device_type].__name__, (base, mapper[device_type]), {})
    return True
