"""SSH sessions to hosts, whichever library opens them: each call is one exec channel of a connection kept open."""

from __future__ import annotations

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from nornir.core.configuration import Config

from moor.connections.ssh.become_root import SCRIPT, RootCommand, input_pieces, start_error
from moor.connections.ssh.exchange import ChannelOutput, Sink
from moor.connections.ssh.failures import Failure
from moor.connections.ssh.steps import Steps, finish
from moor.errors import (
    CommandTimeout,
    ConnectionLost,
    ConnectionLostInScript,
    ErrorKind,
    HostError,
    InputError,
    OutputTooLong,
    ScriptCutShort,
)
from moor.script_result import ScriptResult
from moor.secrets.secret import Secret, is_reference, resolve

CONNECT_S = 10.0
SECRETS = ("password", "passphrase", "secret")

Errors = tuple[type[Exception], ...]


@dataclass(frozen=True)
class ConnectionTarget:
    """A host to connect to, as Nornir passes it to a connection plugin."""

    hostname: str
    username: str | None
    port: int | None
    configuration: Config | None

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port or 22}"


def netmiko_parameters(extras: dict[str, Any], password: str | None) -> dict[str, Any]:
    """Return ``extras`` with moor's defaults and with secret references resolved; raises InputError."""
    if extras.get("ssh_strict") is False:
        raise InputError("ssh_strict: host keys are always checked; pin new ones by moor check --accept-new-host-keys")
    own = bool(extras.get("key_file") or extras.get("pkey") or password)
    bound = extras.get("conn_timeout", CONNECT_S)
    bounds = {"conn_timeout": bound, "banner_timeout": bound, "auth_timeout": bound}
    keys = {"use_keys": not own, "allow_agent": not own}
    given = {"password": password} | extras
    secrets = {key: resolve_secret(given[key]) for key in SECRETS if given.get(key)}
    return bounds | keys | given | {"ssh_strict": True} | secrets


def resolve_secret(text: str) -> str:
    """Return the value of a secret reference, or the text itself if it is none; from now on it is masked in output."""
    return (resolve(text) if is_reference(text) else Secret(text)).reveal()


class UnfitLibraryError(HostError):
    """The library lacks what the host or a key needs; another may have it.

    Attributes:
        lack: what it lacks, in a few words.
    """

    def __init__(self, words: str, kind: ErrorKind | None, lack: str) -> None:
        super().__init__(words, kind)
        self.lack = lack


class SSHSession(ABC):
    """A ``Shell`` over an SSH connection to one host; the base of every library's session.

    A library brings what is abstract here, as steps, so that one loop can reach hundreds of hosts. ``run`` and
    ``stream`` take the same steps in the calling thread. A library whose calls block derives from ``BlockingSession``.

    Attributes:
        BROKEN: the library's exceptions that mean that there is no connection, or no longer.
        BLOCKS: its calls block, so that a loop needs a thread for each.
        NAME: of the library, as the inventory has it.
        is_known: the host has shown a key that is accepted, so that what fails from then on is the login itself.
        parameters: as ``netmiko_parameters`` returns them.
    """

    BROKEN: ClassVar[Errors]
    BLOCKS: ClassVar[bool] = False
    NAME: ClassVar[str]
    is_known = False

    def __init__(self, target: ConnectionTarget, parameters: dict[str, Any], limit_bytes: int) -> None:
        self.target, self.parameters, self._limit_bytes = target, parameters, limit_bytes

    @property
    def host_name(self) -> str:
        """Return the name by which the host was reached."""
        return self.target.hostname

    @abstractmethod
    def connect_steps(self) -> Steps[None]:
        """Check the host's key and log in; raises HostError, UnfitLibraryError among them, and InputError.

        Whoever gives the steps up before their end closes the session.
        """

    @abstractmethod
    def exchange_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        """Run ``BOOTSTRAP`` on a new channel with ``pieces`` as its input; return its exit status, -1 if it has none.

        Raises:
            CommandTimeout: it did not end in time.
            OutputTooLong: its output exceeds the limit.
            Exception: one of ``BROKEN``.
        """

    @abstractmethod
    def is_alive(self) -> bool:
        """Return whether the connection is up, as far as this side knows."""

    @abstractmethod
    def close(self) -> None:
        """End the connection; closing twice is fine."""

    @abstractmethod
    def explain_no_channel(self, error: Exception) -> Failure | None:
        """Return why the host opened no channel; None if ``error`` means something else, such as a lost connection."""

    def explain_way(self) -> str:
        """Return why the jump host or ProxyCommand on the way carries nothing; empty while it does, or without one."""
        return ""

    def connect(self) -> None:
        """Check the host's key and log in; raises HostError, InputError."""
        finish(self.connect_steps())

    def run(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> ScriptResult:
        """Run a script; see ``Shell.run``."""
        return finish(self.script_steps(script, timeout_s, as_root))

    def run_steps(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> Steps[ScriptResult]:
        """Run a script, without blocking a loop; see ``Shell.run``."""
        return self.script_steps(script, timeout_s, as_root)

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> ScriptResult:
        """Run a command as root with ``source`` as its standard input; see ``Shell.stream``."""
        return finish(self.stream_steps(command, source, timeout_s, progress, sink))

    def script_steps(self, script: str, timeout_s: float, as_root: bool = True) -> Steps[ScriptResult]:
        """Run a script; the steps of ``run``."""
        command = RootCommand(SCRIPT, timeout_s, self.parameters.get("secret"), as_root)
        return self._command_steps(command, io.BytesIO(script.encode("utf-8", "surrogateescape")))

    def stream_steps(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> Steps[ScriptResult]:
        """Run a command; the steps of ``stream``."""
        root_command = RootCommand(command, timeout_s, self.parameters.get("secret"))
        return self._command_steps(root_command, source, progress, sink)

    def _command_steps(
        self,
        root_command: RootCommand,
        source: BinaryIO,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> Steps[ScriptResult]:
        timeout_s = root_command.timeout_s
        output = ChannelOutput(self._limit_bytes, root_command.end_mark, sink=sink, begin_mark=root_command.root_mark)
        yield from self._reconnect_steps()
        try:
            pieces = input_pieces(root_command, output.stderr, source, progress)
            status = yield from self._exchange_to_end_steps(pieces, output, timeout_s)
            return result_of(root_command, output, status)
        except HostError as error:
            raise with_partial_output(root_command, output, error) from error

    def _reconnect_steps(self) -> Steps[None]:
        """Connect again if the connection was lost between two calls, when no command was running."""
        if not self.is_alive():
            self.close()
            try:
                yield from self.connect_steps()
            except HostError as error:
                raise ConnectionLost(str(error), error.kind) from error

    def _exchange_to_end_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        """Run a command and return its exit status; every failure of the connection becomes a HostError."""
        began = time.monotonic()
        try:
            status = yield from self.exchange_steps(pieces, output, timeout_s)
            if status == -1 and not self.is_alive():
                raise EOFError
            return status
        except CommandTimeout:
            raise CommandTimeout(f"{self.target}: no end within {timeout_s:g} s; see what it waits for there") from None
        except OutputTooLong:
            raise OutputTooLong(f"{self.target}: more than {self._limit_bytes} bytes of output; stopped") from None
        except self.BROKEN as error:
            raise self._lost(error, time.monotonic() - began, timeout_s) from error

    def _lost(self, error: Exception, after_s: float, timeout_s: float) -> ConnectionLost:
        if after_s >= timeout_s:
            return ConnectionLost(f"{self.target}: no answer within {timeout_s:g} s; the host hangs", ErrorKind.TIMEOUT)
        if failure := self.explain_no_channel(error):
            return ConnectionLost(f"{self.target}: {failure.words}", failure.kind)
        detail = " ".join((self.explain_way() or str(error)).split())
        suffix = f" ({detail})" if detail else ""
        return ConnectionLost(f"{self.target}: connection lost after {after_s:.0f} s{suffix}; run again")


def with_partial_output(command: RootCommand, output: ChannelOutput, error: HostError) -> HostError:
    """Return ``error`` with the command's output so far, or as it is if the command had not begun."""
    _, begun, out = bytes(output.stdout).partition(command.root_mark)
    partial = ScriptResult(out, bytes(output.stderr).partition(command.root_mark)[2], -1)
    if not begun:
        return error
    return (ConnectionLostInScript if isinstance(error, ConnectionLost) else ScriptCutShort)(
        str(error), error.kind, partial
    )


def result_of(command: RootCommand, output: ChannelOutput, status: int) -> ScriptResult:
    """Return what the command itself printed, and the exit status that it announced.

    Args:
        status: as the library gives it, which explains why a command never ran as root.

    Raises:
        HostError: it never ran as root, or its end was not announced.
    """  # noqa: DOC501 - start_error makes a HostError
    stdout, stderr = bytes(output.stdout), bytes(output.stderr)
    _, begun, out = stdout.partition(command.root_mark)
    if not begun:
        raise start_error(command, stdout, stderr, status)
    if output.status is None:
        raise HostError("the host's shell ended without an exit status; was it killed there? run again", ErrorKind.LOST)
    return ScriptResult(out, stderr.partition(command.root_mark)[2], output.status)
