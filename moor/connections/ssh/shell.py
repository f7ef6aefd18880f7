"""The connection ``shell``: scripts as root over SSH exec channels, on Netmiko's session.

Parameters are Nornir's: hostname, port, username, password, ``ssh.config_file`` of config.yaml, and
``connection_options.shell.extras``, which goes to Netmiko (key_file, passphrase, use_keys, allow_agent, conn_timeout,
keepalive ...). ``password``, ``passphrase`` and ``secret`` (sudo's password) may be references (env:NAME, file:PATH).
Nornir gives a plugin no host, so moor's inventory puts what it knows of the host's key into extras too:

    ssh_host_key  "ssh-ed25519 AAAA...", or a list of such; nothing else is then accepted
    known_hosts   path of the site's known_hosts; without it ssh_config's, else the user's and the system's
    limit_bytes   the most that one call may answer, 64 MiB by default
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from moor.script_result import ScriptResult

if TYPE_CHECKING:
    from nornir.core.configuration import Config


class Shell(Protocol):
    """Runs POSIX sh on a host, as root."""

    @property
    def host_name(self) -> str:
        """Return the name by which the host was reached."""

    def run(self, script: str, timeout_s: float = 300) -> ScriptResult:
        """Run a script given on standard input, its bytes by surrogateescape.

        Raises:
            HostError: not connected, not allowed, no end within ``timeout_s``, or more than the limit of output; CutOff
                where it had begun.
        """

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
    ) -> ScriptResult:
        """Run a command whose standard input is ``source``, read in small pieces to its end.

        Args:
            progress: is told the number of bytes sent so far

        Raises:
            HostError, as ``run``.
        """

    def close(self) -> None:
        """End the connection; closing twice is fine."""


class ShellPlugin:
    """Nornir's connection plugin ``shell``; ``connection`` is a ``Shell``."""

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
        """Connect and check the host's key; raises HostError, within the connect timeouts."""
        # Netmiko's import takes a quarter of a second, which `moor --help` should not.
        from moor.connections.ssh.backends import open_session

        self.connection = open_session(hostname, username, password, port, extras or {}, configuration)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()
