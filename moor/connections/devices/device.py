"""Network devices, spoken to by nornir-netmiko's connection ``netmiko``, always with strict host keys.

Parameters are Nornir's and those of ``connection_options.netmiko.extras``, which goes to Netmiko. As with ``shell``,
secrets may be references, and ``ssh_host_key``, ``known_hosts`` say which keys the device may show. Netmiko wants these
in a file of its own, so moor opens the connection; whoever uses it afterwards, such as nornir-netmiko's tasks, finds it
open.
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
# What devices answer instead of doing it: Cisco and Arista, Junos, VyOS. A line such as %SYS-5-CONFIG_I: is a message
# of the device's log, which it may print between the lines of any answer.
CISCO = r"^\s*% ?(?![A-Z0-9_]+-\d-[A-Z0-9_]+:)[A-Z].*"
REFUSED = rf"{CISCO}|^(?:error|syntax error|unknown command)\b.*|^\s*(?:Invalid|Set failed|Commit failed)\b.*"
SHOWN = 300  # characters of what a device said


@dataclass(frozen=True)
class Device:
    """One open device; every method raises HostError with the device's own words."""

    name: str
    netmiko: BaseConnection

    def ask(self, command: str, *, until: str | None = None, timeout_s: float = ANSWER_S) -> str:
        """Return what a command prints.

        Args:
            until: a pattern to wait for instead of the prompt
        """
        with self._told(command):
            said = self.netmiko.send_command(command, expect_string=until, read_timeout=timeout_s)
        return accepted(command, str(said))

    def configuration(self, command: str) -> str:
        """Return the configuration that a command prints, as it stands.

        Its banners and descriptions may hold any words, such as those of a refusal, or the prompt: only a prompt that
        is the last line ends it, and whoever reads it decides whether it is whole (``refusal_in`` says why not).
        """
        with self._told(command):
            prompt = re.escape(self.netmiko.find_prompt().strip().splitlines()[-1])
            end = rf"(?m)^{prompt}\s*\Z"
            return str(self.netmiko.send_command(command, expect_string=end, read_timeout=ANSWER_S))

    def configure(self, lines: Sequence[str], enter: str | None = None, *, leave: bool = True) -> str:
        """Send lines in configuration mode, up to the first that the device refuses.

        Args:
            enter: the command that enters the mode, the platform's usual one by default
        """
        with self._told(enter or "configure"):
            said = self.netmiko.send_config_set(
                lines,
                config_mode_command=enter,
                exit_config_mode=leave,
                error_pattern=REFUSED,
                read_timeout=ANSWER_S,
            )
        return str(said)

    def commit(self, **options: object) -> None:
        """Commit what was configured, where the platform has that; raises HostError too where it says no."""
        with self._told("commit"):
            self.netmiko.commit(**options)

    def leave(self) -> None:
        """Leave configuration mode, dropping what was not committed; a device that is not in it stays as it is."""
        with self._told("leaving configuration mode"):
            self.netmiko.exit_config_mode()

    def save(self) -> None:
        """Make the device start with what it runs."""
        with self._told("save"):
            accepted("save", str(self.netmiko.save_config()))

    @contextmanager
    def _told(self, command: str) -> Iterator[None]:
        import paramiko
        from netmiko import NetmikoBaseException, ReadException

        try:
            yield
        except ReadException as error:
            raise HostError(
                f"{self.name}: no prompt within {ANSWER_S} s after {command!r}: {_brief(error)}", ErrorKind.TIMEOUT
            ) from error
        except (NetmikoBaseException, ValueError, OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(
                f"{self.name}: {command}: {_brief(error) or 'the connection was lost'}", ErrorKind.LOST
            ) from error


def accepted(command: str, said: str) -> str:
    """Return back what a command printed unless it is a refusal; raises HostError."""
    if refusal := refusal_in(said):
        raise HostError(f"the device refused {command!r}: {refusal}", ErrorKind.REFUSED)
    return said


def refusal_in(said: str) -> str:
    """Return the line by which a device refuses a command; empty where there is none."""
    refusal = re.search(REFUSED, said, re.MULTILINE)
    return _brief(refusal[0]) if refusal else ""


def _brief(said: object) -> str:
    text = " ".join(str(said).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def device_of(host: Host, configuration: Config) -> Device:
    """Return the host's open device, opened at the first use; raises HostError, InputError."""
    if NETMIKO not in host.connections:
        # Netmiko's import takes a quarter of a second, and most runs meet no device.
        from moor.connections.devices.opening import open_device

        open_device(host, configuration)
    return Device(host.name, host.get_connection(NETMIKO, configuration))


def reopened(host: Host, configuration: Config) -> Device:
    """Return the device over a connection made anew, so that it proves the way there."""
    closed(host)
    return device_of(host, configuration)


def closed(host: Host) -> None:
    """End the host's connection, whatever state it is in."""
    if NETMIKO in host.connections:
        with suppress(Exception):  # a connection that was cut off cannot say goodbye
            host.connections[NETMIKO].close()
        host.connections.pop(NETMIKO, None)
