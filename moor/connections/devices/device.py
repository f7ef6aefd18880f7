"""Network devices over nornir-netmiko's connection ``netmiko``, always with strict host keys.

Parameters are Nornir's and those of ``connection_options.netmiko.extras``, which goes to Netmiko. As with ``shell``,
secrets may be references, and ``ssh_host_key`` and ``known_hosts`` list the keys that the device may show. Netmiko
reads these from a file alone, so moor writes one and opens the connection; nornir-netmiko's tasks may use it then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nornir.core.configuration import Config
from nornir.core.inventory import Host

from moor.connections.names import NETMIKO
from moor.errors import ErrorKind, HostError

if TYPE_CHECKING:
    from netmiko import BaseConnection

ANSWER_S = 60  # until the prompt is there again
# The errors that devices print: Cisco and Arista, Junos, VyOS. A line such as %SYS-5-CONFIG_I: is a message of the
# device's log, which it may print between the lines of any output.
CISCO = r"^\s*% ?(?![A-Z0-9_]+-\d-[A-Z0-9_]+:)[A-Z].*"
REFUSED = rf"{CISCO}|^(?:error|syntax error|unknown command)\b.*|^\s*(?:Invalid|Set failed|Commit failed)\b.*"
SHOWN = 300  # characters of a device's output in an error


@dataclass(frozen=True)
class Device:
    """An open connection to a network device; every method raises HostError with the device's own message."""

    name: str
    netmiko: BaseConnection

    def ask(self, command: str, *, until: str | None = None, timeout_s: float = ANSWER_S) -> str:
        """Return what a command prints.

        Args:
            until: a pattern to wait for instead of the prompt.
        """
        with self._raise_host_errors(command, timeout_s):
            printed = self.netmiko.send_command(command, expect_string=until, read_timeout=timeout_s)
        return raise_if_refused(command, str(printed))

    def configuration(self, command: str) -> str:
        """Return the configuration that a command prints, without a check for errors in it.

        Banners and descriptions may hold any text, also an error's or the prompt. So only a prompt on the last line
        ends the configuration, and the caller has to decide whether it is whole (see ``find_refusal``).
        """
        with self._raise_host_errors(command):
            prompt = re.escape(self.netmiko.find_prompt().strip().splitlines()[-1])
            end = rf"(?m)^{prompt}\s*\Z"
            return str(self.netmiko.send_command(command, expect_string=end, read_timeout=ANSWER_S))

    def configure(self, lines: Sequence[str], enter: str | None = None, *, leave: bool = True) -> str:
        """Send lines in configuration mode, stop at the first that the device refuses, and return the output.

        Args:
            enter: the command that enters the mode, by default the platform's usual one.
            leave: leave the mode afterwards.
        """
        with self._raise_host_errors(enter or "configure"):
            printed = self.netmiko.send_config_set(
                lines,
                config_mode_command=enter,
                exit_config_mode=leave,
                error_pattern=REFUSED,
                read_timeout=ANSWER_S,
            )
        return str(printed)

    def commit(self, **options: object) -> None:
        """Commit the configuration; raises HostError also if the platform has no commit."""
        with self._raise_host_errors("commit"):
            self.netmiko.commit(**options)

    def leave(self) -> None:
        """Leave configuration mode and drop what was not committed; do nothing in any other mode."""
        with self._raise_host_errors("leaving configuration mode"):
            self.netmiko.exit_config_mode()

    def save(self) -> None:
        """Save the running configuration as the one that the device starts with."""
        with self._raise_host_errors("save"):
            raise_if_refused("save", str(self.netmiko.save_config()))

    @contextmanager
    def _raise_host_errors(self, command: str, timeout_s: float = ANSWER_S) -> Iterator[None]:
        import paramiko
        from netmiko import NetmikoBaseException, ReadException

        try:
            yield
        except ReadException as error:
            raise HostError(
                f"{self.name}: no prompt within {timeout_s:g} s after {command!r}: {_brief(error)}", ErrorKind.TIMEOUT
            ) from error
        except (NetmikoBaseException, ValueError, OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(
                f"{self.name}: {command}: {_brief(error) or 'the connection was lost'}", ErrorKind.LOST
            ) from error


def raise_if_refused(command: str, printed: str) -> str:
    """Return what a command printed; raise HostError if that is an error."""
    if refusal := find_refusal(printed):
        raise HostError(f"the device refused {command!r}: {refusal}", ErrorKind.REFUSED)
    return printed


def find_refusal(printed: str) -> str:
    """Return the first line by which a device refuses a command; empty if there is none."""
    refusal = re.search(REFUSED, printed, re.MULTILINE)
    return _brief(refusal[0]) if refusal else ""


def _brief(printed: object) -> str:
    text = " ".join(str(printed).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def device_of(host: Host, configuration: Config) -> Device:
    """Return the host's device, connected at the first use; raises HostError, InputError."""
    if NETMIKO not in host.connections:
        # Importing Netmiko takes a quarter of a second, and most runs have no device.
        from moor.connections.devices.connect import open_device

        open_device(host, configuration)
    return Device(host.name, host.get_connection(NETMIKO, configuration))


def reopen_device(host: Host, configuration: Config) -> Device:
    """Return the device over a new connection, which proves that it can still be reached."""
    close_device(host)
    return device_of(host, configuration)


@contextmanager
def second_device(host: Host, configuration: Config) -> Iterator[Device]:
    """Yield the device over a new connection; the present one stays open, and is the host's again afterwards."""
    first = host.connections.pop(NETMIKO)
    try:
        yield device_of(host, configuration)
    finally:
        close_device(host)
        host.connections[NETMIKO] = first


def close_device(host: Host) -> None:
    """End the host's connection, whatever state it is in."""
    if NETMIKO in host.connections:
        with suppress(Exception):  # a connection that is lost cannot be closed in order
            host.connections[NETMIKO].close()
        host.connections.pop(NETMIKO, None)
