"""``Shell`` over SSH: each call is one exec channel of Netmiko's session."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, BinaryIO

import paramiko
from netmiko import NetmikoBaseException
from nornir.core.configuration import Config
from nornir_netmiko.connections.netmiko import Netmiko  # type: ignore[import-untyped]

from moor.connections.exchange import Heard, Overdue, Overlong, converse
from moor.connections.failures import explain
from moor.connections.opening import EXEC, Opening, refusal, words
from moor.connections.shell import LIMIT_BYTES, Answer, CutOff
from moor.connections.transport import DEVICE_TYPE, MoorLinux, hang_up
from moor.errors import HostError, InputError
from moor.secrets import Secret, resolve

CONNECT_S = 10.0
WATCHDOG_S = 3.0  # past the deadline: something in paramiko waits without a bound of its own
SECRETS = ("password", "passphrase", "secret")
SCHEMES = ("env:", "file:")
BROKEN = (EOFError, OSError, paramiko.SSHException)


def open_session(
    hostname: str | None,
    username: str | None,
    password: str | None,
    port: int | None,
    extras: dict[str, Any],
    configuration: Config | None,
) -> Session:
    """Connect with Nornir's parameters; raises InputError for wrong ones, HostError otherwise."""
    if not hostname:
        raise InputError("a host without hostname cannot be reached; write one in the inventory")
    extras = dict(extras)
    limit = extras.pop("limit_bytes", LIMIT_BYTES)
    parameters = netmiko_parameters(extras, password)
    session = Session(hostname, username, port, parameters, configuration, limit)
    session.connect()
    return session


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
    """Give what a reference names, and any other text as it is; either way it is masked from now on."""
    return (resolve(text) if text.startswith(SCHEMES) else Secret(text)).reveal()


class Session:
    """A connection to one host; a ``Shell``. ``netmiko`` is the session for who wants Netmiko's own methods."""

    def __init__(
        self,
        hostname: str,
        username: str | None,
        port: int | None,
        parameters: dict[str, Any],
        configuration: Config | None,
        limit: int,
    ) -> None:
        self.host_name, self._username, self._port = hostname, username, port
        self._parameters, self._configuration, self._limit = parameters, configuration, limit
        self._plugin = Netmiko()

    @property
    def netmiko(self) -> MoorLinux:
        """Netmiko's session."""
        session: MoorLinux = self._plugin.connection
        return session

    @property
    def _where(self) -> str:
        return f"{self.host_name}:{self._port or 22}"

    def connect(self) -> None:
        """Open the transport; raises HostError."""
        try:
            self._plugin.open(
                hostname=self.host_name,
                username=self._username or "",
                password=None,
                port=self._port,
                platform=DEVICE_TYPE,
                extras=self._parameters,
                configuration=self._configuration,
            )
        except (*BROKEN, UnicodeError, NetmikoBaseException) as error:
            raise HostError(explain(error, self._where)) from error
        except TypeError as error:
            raise InputError(f"{self.host_name}: connection_options.shell.extras: {error}") from error

    def run(self, script: str, timeout_s: float = 300) -> Answer:
        """Run a script as root; see ``Shell``."""
        raw = script.encode("utf-8", "surrogateescape")
        return self.stream("exec sh -s", io.BytesIO(raw), timeout_s)

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
    ) -> Answer:
        """Run a command as root with ``source`` on its standard input; see ``Shell``."""
        opening = Opening(command, timeout_s, self._parameters.get("secret"))
        heard = Heard(self._limit)
        deadline = time.monotonic() + timeout_s
        try:
            with self._channel(timeout_s) as channel:
                channel.exec_command(EXEC)
                code = converse(channel, words(opening, heard.stderr, source, progress), heard, deadline)
                if code == -1 and not self.netmiko.is_alive():
                    raise EOFError
            return answer(opening, heard, code)
        except HostError as error:
            raise cut_off(opening, heard, error) from error

    @contextmanager
    def _channel(self, timeout_s: float) -> Any:
        """Open a channel, closed at the end whatever happens; what breaks meanwhile becomes a HostError."""
        self._reconnect()
        transport, began = self.netmiko.transport, time.monotonic()
        watchdog = Timer(timeout_s + WATCHDOG_S, hang_up, (transport,))
        watchdog.daemon = True
        watchdog.start()
        channel = None
        try:
            channel = transport.open_session(timeout=min(timeout_s, self._parameters["conn_timeout"]))
            yield channel
        except Overdue:
            raise HostError(f"{self._where}: no end within {timeout_s:g} s; see what it waits for there") from None
        except Overlong:
            raise HostError(f"{self._where}: more than {self._limit} bytes of output; stopped") from None
        except BROKEN as error:
            raise HostError(self._broken(error, time.monotonic() - began, timeout_s)) from error
        finally:
            watchdog.cancel()
            if channel is not None:
                with suppress(*BROKEN):
                    channel.close()

    def _reconnect(self) -> None:
        """Connect anew where the connection was lost between two calls; nothing was under way then."""
        if not self.netmiko.is_alive():
            self.close()
            self.connect()

    def _broken(self, error: BaseException, after_s: float, timeout_s: float) -> str:
        if after_s >= timeout_s:
            return f"{self._where}: no answer within {timeout_s:g} s; the host hangs"
        if isinstance(error, paramiko.SSHException) and "Timeout opening channel" in str(error):
            return f"{self._where}: logged in, but the host opens no channel; is it overloaded?"
        if isinstance(error, paramiko.ChannelException):
            return f"{self._where}: sshd refused to run a command: {error.text}"
        words = " ".join(str(error).split())
        return f"{self._where}: connection lost after {after_s:.0f} s{f' ({words})' if words else ''}; run again"

    def close(self) -> None:
        """End the connection."""
        self._plugin.close()


def cut_off(opening: Opening, heard: Heard, error: HostError) -> HostError:
    """Give ``error`` with what the command said by then, where it had begun."""
    _, begun, out = bytes(heard.stdout).partition(opening.ready)
    said = Answer(out, bytes(heard.stderr).partition(opening.ready)[2], -1)
    return CutOff(str(error), said) if begun else error


def answer(opening: Opening, heard: Heard, code: int) -> Answer:
    """Take the command's own answer out of what was heard; raises HostError where it never ran as root."""
    stdout, stderr = bytes(heard.stdout), bytes(heard.stderr)
    _, ready, out = stdout.partition(opening.ready)
    if not ready:
        raise HostError(refusal(opening, stdout, stderr, code))
    if code == -1:
        raise HostError("the host's shell ended without an exit status; was it killed there? run again")
    return Answer(out, stderr.partition(opening.ready)[2], code)
