"""Network devices over nornir-netmiko's connection ``netmiko``, always with strict host keys.

Parameters are Nornir's and those of ``connection_options.netmiko.extras``, which goes to Netmiko. As with ``shell``,
secrets may be references, and ``ssh_host_key`` and ``known_hosts`` list the keys that the device may show. moor opens
the connection by a session of Netmiko's that takes these keys; nornir-netmiko's tasks may use it then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nornir.core.configuration import Config
from nornir.core.inventory import Host

from moor.connections.devices.terminal import (
    MESSAGE,
    SETTLE_S,
    Answer,
    NoPromptError,
    Terminal,
    without_messages,
)
from moor.connections.names import NETMIKO
from moor.errors import ErrorKind, HostError

if TYPE_CHECKING:
    from netmiko import BaseConnection

ANSWER_S = 60  # that a device may print nothing, before it has answered
# The errors that devices print: Cisco and Arista, Junos, VyOS. A line such as %SYS-5-CONFIG_I: is a message of the
# device's log, which it may print between the lines of any output.
CISCO = r"^\s*% ?(?![A-Z0-9_]+(?:-[A-Z0-9_]+)*-\d-[A-Z0-9_]+ ?:)[A-Z].*"
LOCKED = r"^\s*Configuration (?:system|mode|database)\b.*\block.*"
REFUSED = rf"{CISCO}|{LOCKED}|^(?:error|syntax error|unknown command)\b.*|^\s*(?:Invalid|Set failed|Commit failed)\b.*"
# Lines before the first one of an answer: a mark below a word that is refused, a time, a message of the log.
BEFORE = rf"\s*\^?\s*|\w{{3}} \w{{3}} +\d+ [\d:.]+ \w+|Building configuration\.\.\.|{MESSAGE}"
QUESTION = r"(?i:\[(?:no|cancel|confirm|y/n)\]:?|\(yes\))"
SHOWN = 300  # characters of a device's output in an error


@dataclass(frozen=True)
class Device:
    """An open connection to a network device; every method raises HostError with the device's own message."""

    name: str
    netmiko: BaseConnection

    def ask(self, command: str, *, until: str | None = None, timeout_s: float = ANSWER_S) -> str:
        """Return what a command prints, with the question at its end.

        What a command shows may be any text, such as descriptions of interfaces: its beginning alone tells an error.

        Args:
            until: a pattern of a question to wait for instead of the prompt
            timeout_s: how long the device may print nothing
        """
        shows = command.startswith("show ")
        answer = self._send(command, timeout_s, until=until, settle_s=SETTLE_S if shows else 0)
        raise_if_refused(command, beginning_of(answer.text) if shows else answer.text)
        return f"{answer.text}\n{answer.prompt}" if until else answer.text

    def configuration(self, command: str) -> str:
        """Return the configuration that a command prints, without a check for errors in it.

        Banners and descriptions may hold any text, also an error's or the prompt; so the caller has to decide whether
        the configuration is whole, and only its beginning tells a refusal (see ``beginning_of``).
        """
        return without_messages(self._send(command, ANSWER_S, settle_s=SETTLE_S).text)

    def configure(self, lines: Sequence[str], enter: str = "configure terminal", leave: str = "") -> None:
        """Send lines in configuration mode, up to the first that the device refuses.

        Args:
            enter: the command that enters the mode
            leave: the command that leaves it afterwards; empty to stay

        Raises:
            HostError: the device refused the mode, which somebody else may have locked, or a line
        """
        with self._raise_host_errors(enter):
            terminal = Terminal(self.netmiko)
            before = terminal.find_prompt(ANSWER_S)
            answer = terminal.send(enter, ANSWER_S)
            if not _entered(before, answer.prompt):
                raise HostError(f"the device refused {enter!r}: {_brief(answer.text)}", ErrorKind.REFUSED)
            for line in lines:
                raise_if_refused(line.strip(), terminal.send(line, ANSWER_S).text)
        if leave:
            self.leave(leave)

    def commit(self, command: str, done: str, timeout_s: float) -> None:
        """Commit or save the configuration; answer no to a question, such as whether to override others' commits.

        Args:
            done: a pattern that the device prints on success; empty if that is nothing
            timeout_s: how long the device may print nothing

        Raises:
            HostError: the device refused, or asked
        """
        answer = self._send(command, timeout_s, until=QUESTION)
        if "[y/n]" in answer.prompt.lower():  # whether IOS XR may take some minutes, or VyOS arm its timer
            answer = self._reply("y", timeout_s)
        if re.search(QUESTION, answer.prompt):
            self._reply("no", timeout_s)
            raise HostError(f"the device asked at {command!r}: {_brief(answer.text)}", ErrorKind.CONFLICT)
        if find_refusal(answer.text) or not re.search(done, answer.text):
            raise HostError(f"the device refused {command!r}: {_brief(answer.text)}", ErrorKind.REFUSED)

    def leave(self, command: str) -> None:
        """Leave configuration mode and drop what was not committed."""
        answer = self._send(command, ANSWER_S, until=QUESTION)
        if re.search(QUESTION, answer.prompt):  # the words that drop changes, of IOS XR and of Junos
            self._reply("no" if "cancel" in answer.prompt else "yes", ANSWER_S)

    def _reply(self, words: str, timeout_s: float) -> Answer:
        """Answer a question of the device, at which it has no prompt."""
        with self._raise_host_errors(words, timeout_s):
            return Terminal(self.netmiko).send(words, timeout_s)

    def _send(self, command: str, timeout_s: float, *, until: str | None = None, settle_s: float = 0) -> Answer:
        with self._raise_host_errors(command, timeout_s):
            terminal = Terminal(self.netmiko)
            terminal.find_prompt(timeout_s)
            return terminal.send(command, timeout_s, until=until, settle_s=settle_s)

    @contextmanager
    def _raise_host_errors(self, command: str, timeout_s: float = ANSWER_S) -> Iterator[None]:
        import paramiko
        from netmiko import NetmikoBaseException

        try:
            yield
        except NoPromptError as error:
            words = f"no prompt, and nothing else for {self.netmiko.read_timeout_override or timeout_s:g} s"
            raise HostError(
                f"{self.name}: {words} after {command!r}: {_brief(str(error)[-SHOWN:])}", ErrorKind.TIMEOUT
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


def beginning_of(printed: str) -> str:
    """Return the first line of an answer, without what may stand before it; empty if there is none."""
    return next((line for line in printed.splitlines() if not re.fullmatch(BEFORE, line)), "")


def _entered(before: str, after: str) -> bool:
    """Return whether a prompt is one of configuration mode: ``(config)#``, or of Junos and VyOS, which end in ``#``."""
    return "(config" in after or (after.endswith("#") and not before.endswith("#"))


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
