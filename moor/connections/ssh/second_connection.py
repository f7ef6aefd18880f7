"""A connection of its own, beside the one that a host has open: proof that people can still log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Task

from moor.connections.ssh.shell import Shell


@contextmanager
def fresh_shell(task: Task) -> Iterator[Shell]:
    """Connect anew as the host's ``shell`` does, and end it again; raises HostError."""
    found = task.host.get_connection_parameters("shell")
    plugin = ConnectionPluginRegister.get_plugin("shell")()
    plugin.open(
        found.hostname,
        found.username,
        found.password,
        found.port,
        found.platform,
        extras=dict(found.extras or {}),
        configuration=task.nornir.config,
    )
    try:
        shell: Shell = plugin.connection
        yield shell
    finally:
        plugin.close()
