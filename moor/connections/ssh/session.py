"""``Shell`` over SSH: each call is one exec channel of a session that one of two libraries keeps open."""

from __future__ import annotations

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from nornir.core.configuration import Config

from moor.connections.ssh.become_root import ShellStart, refusal, words
from moor.connections.ssh.exchange import Received
from moor.connections.ssh.failures import Failure
from moor.errors import CutOff, ErrorKind, HostError, InputError, Lost, LostMidway, Overdue, Overlong
from moor.script_result import ScriptResult
from moor.secrets.secret import Secret, resolve

CONNECT_S = 10.0
SECRETS = ("password", "passphrase", "secret")
SCHEMES = ("env:", "file:")

Errors = tuple[type[Exception], ...]


@dataclass(frozen=True)
class Place:
    """Whom to reach, as Nornir says it; ``config_file`` is ssh_config."""

    hostname: str
    username: str | None
    port: int | None
    configuration: Config | None

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port or 22}"


def netmiko_parameters(extras: dict[str, Any], password: str | None) -> dict[str, Any]:
    """Complete ``extras`` for Netmiko, references resolved; raises InputError."""
    if extras.get("ssh_strict") is False:
        raise InputError("ssh_strict: host keys are always checked; pin new ones by moor check --accept-new-host-keys")
    own = bool(extras.get("key_file") or extras.get("pkey") or password)
    bound = extras.get("conn_timeout", CONNECT_S)
    defaults = {"conn_timeout": bound, "banner_timeout": bound, "auth_timeout": bound}
    keys = {"use_keys": not own, "allow_agent": not own}
    given = {"password": password} | extras
    return defaults | keys | given | {"ssh_strict": True} | {k: revealed(given[k]) for k in SECRETS if given.get(k)}


def revealed(text: str) -> str:
    """Return what a reference names, and any other text as it is; either way it is masked from now on."""
    return (resolve(text) if text.startswith(SCHEMES) else Secret(text)).reveal()


class SSHSession(ABC):
    """A connection to one host; a ``Shell``."""

    BROKEN: ClassVar[Errors]  # what says that the connection is lost, or never was

    def __init__(self, place: Place, parameters: dict[str, Any], limit: int) -> None:
        self.place, self.parameters, self._limit = place, parameters, limit

    @property
    def host_name(self) -> str:
        """Return the name by which the host was reached."""
        return self.place.hostname

    @abstractmethod
    def connect(self) -> None:
        """Log in, the host's key checked; raises HostError, InputError."""

    @abstractmethod
    def is_alive(self) -> bool:
        """Return whether the connection is up, as far as this side knows."""

    @abstractmethod
    def close(self) -> None:
        """End the connection; twice is fine."""

    @abstractmethod
    def exchange(self, pieces: Iterator[bytes], heard: Received, timeout_s: float) -> int:
        """Run ``EXEC`` on a channel of its own, say the pieces, hear it out; give the exit status, -1 for none.

        Raises:
            Overdue, Overlong, and what ``BROKEN`` lists.
        """

    @abstractmethod
    def refused(self, error: Exception) -> Failure | None:
        """Explain why no channel was to be had, where that is what ``error`` tells; None where it tells of a cut."""

    def run(self, script: str, timeout_s: float = 300) -> ScriptResult:
        """Run a script as root; see ``Shell``."""
        raw = script.encode("utf-8", "surrogateescape")
        return self.stream("exec sh -s", io.BytesIO(raw), timeout_s)

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
    ) -> ScriptResult:
        """Run a command as root with ``source`` on its standard input; see ``Shell``."""
        opening = ShellStart(command, timeout_s, self.parameters.get("secret"))
        heard = Received(self._limit)
        self._reconnect()
        try:
            return answer(opening, heard, self._heard_out(opening, heard, source, timeout_s, progress))
        except HostError as error:
            raise cut_off(opening, heard, error) from error

    def _reconnect(self) -> None:
        """Connect anew where the connection was lost between two calls; nothing was under way then."""
        if not self.is_alive():
            self.close()
            try:
                self.connect()
            except HostError as error:
                raise Lost(str(error), error.kind) from error

    def _heard_out(
        self,
        opening: ShellStart,
        heard: Received,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None,
    ) -> int:
        """Hear a command out and give its exit status; what breaks meanwhile becomes a HostError."""
        began = time.monotonic()
        try:
            code = self.exchange(words(opening, heard.stderr, source, progress), heard, timeout_s)
            if code == -1 and not self.is_alive():
                raise EOFError
            return code
        except Overdue:
            raise Overdue(f"{self.place}: no end within {timeout_s:g} s; see what it waits for there") from None
        except Overlong:
            raise Overlong(f"{self.place}: more than {self._limit} bytes of output; stopped") from None
        except self.BROKEN as error:
            raise self._broken(error, time.monotonic() - began, timeout_s) from error

    def _broken(self, error: Exception, after_s: float, timeout_s: float) -> Lost:
        if after_s >= timeout_s:
            return Lost(f"{self.place}: no answer within {timeout_s:g} s; the host hangs", ErrorKind.TIMEOUT)
        if refused := self.refused(error):
            return Lost(f"{self.place}: {refused.words}", refused.kind)
        said = " ".join(str(error).split())
        return Lost(f"{self.place}: connection lost after {after_s:.0f} s{f' ({said})' if said else ''}; run again")


def cut_off(opening: ShellStart, heard: Received, error: HostError) -> HostError:
    """Return ``error`` with what the command said by then, where it had begun."""
    _, begun, out = bytes(heard.stdout).partition(opening.ready)
    said = ScriptResult(out, bytes(heard.stderr).partition(opening.ready)[2], -1)
    if not begun:
        return error
    return (LostMidway if isinstance(error, Lost) else CutOff)(str(error), error.kind, said)


def answer(opening: ShellStart, heard: Received, code: int) -> ScriptResult:
    """Take the command's own answer out of what was heard; raises HostError where it never ran as root."""
    stdout, stderr = bytes(heard.stdout), bytes(heard.stderr)
    _, ready, out = stdout.partition(opening.ready)
    if not ready:
        raise refusal(opening, stdout, stderr, code)
    if code == -1:
        raise HostError("the host's shell ended without an exit status; was it killed there? run again", ErrorKind.LOST)
    return ScriptResult(out, stderr.partition(opening.ready)[2], code)
