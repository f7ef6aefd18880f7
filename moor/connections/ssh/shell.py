"""The connection plugin ``shell``, which runs scripts as root on a host over SSH.

Parameters are Nornir's: hostname, port, username, password, ``ssh.config_file`` of config.yaml, and
``connection_options.shell.extras``, which goes to Netmiko (key_file, passphrase, use_keys, allow_agent, conn_timeout,
keepalive ...). ``password``, ``passphrase`` and ``secret`` (sudo's password) may be references (env:NAME, file:PATH,
cmd:WORDS).
Nornir passes a plugin no host, so moor's inventory adds the host's known keys to extras:

    ssh_host_key  "ssh-ed25519 AAAA...", or a list of such; nothing else is then accepted
    known_hosts   path of the site's known_hosts; without it ssh_config's, else the user's and the system's
    limit_bytes   the most output that one call may have, 64 MiB by default
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from moor.connections.ssh.exchange import Sink
from moor.connections.ssh.failures import is_cut
from moor.connections.ssh.steps import Steps
from moor.errors import HostError, InputError, LoginRefused
from moor.script_result import ScriptResult

if TYPE_CHECKING:
    from nornir.core.configuration import Config
    from nornir.core.inventory import ConnectionOptions


class Shell(Protocol):
    """A connection that runs POSIX sh on a host, as root unless told otherwise."""

    @property
    def host_name(self) -> str:
        """Return the name by which the host was reached."""

    def run(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> ScriptResult:
        """Run a script, which is passed on standard input; bytes that are not UTF-8 are surrogate escapes.

        Args:
            as_root: false to run it as the login user, without sudo.

        Raises:
            HostError: the host is not reached, root is refused, the script does not end within ``timeout_s``, or its
                output exceeds the limit. It is a ScriptCutShort, with the output so far, if the script had begun.
        """

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> ScriptResult:
        """Run a command with ``source`` as its standard input, which is read in small pieces.

        Args:
            progress: is called with the number of bytes sent so far.
            sink: is called with each piece of the command's standard output, which is then not kept, however long it
                is. While it works, the host waits. It raises no OSError, which would pass for a lost connection.

        Raises:
            HostError: as ``run``.
        """

    def close(self) -> None:
        """End the connection; closing twice is fine."""


class ShellPlugin:
    """The Nornir connection plugin ``shell``, whose ``connection`` is a ``Shell``."""

    connection: Shell

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
        """Connect and check the host's key; raises HostError within the connect timeouts, or InputError."""
        # Importing Netmiko takes a quarter of a second, which `moor --help` need not wait for.
        from moor.connections.ssh.backends import make_session

        session = make_session(hostname, username, password, port, extras or {}, configuration)
        session.connect()
        self.connection = session

    def takes_steps(self, extras: dict[str, Any]) -> bool:
        """Return whether ``open_steps`` reaches the host without blocking."""
        from moor.connections.ssh.backends import blocks

        try:
            return not blocks(extras)
        except InputError:
            return False  # ``open`` raises it again

    def open_steps(self, found: ConnectionOptions, configuration: Config | None) -> Steps[None]:
        """Do what ``open`` does, as steps; raises LoginRefused if it is worth another attempt."""
        from moor.connections.ssh.backends import make_session

        session = make_session(
            found.hostname, found.username, found.password, found.port, found.extras or {}, configuration
        )
        try:
            yield from session.connect_steps()
        except HostError as error:
            if is_cut(error) and not session.is_known:
                raise LoginRefused(str(error), error.kind) from error
            raise
        except GeneratorExit:
            session.close()
            raise
        self.connection = session

    def close(self) -> None:
        """End the connection."""
        self.connection.close()
