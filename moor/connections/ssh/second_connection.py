"""A second connection to a host beside its open one, which proves that a new login still works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Task

from moor.connections.ssh.shell import Shell


@contextmanager
def second_shell(task: Task) -> Iterator[Shell]:
    """Connect again with the host's ``shell`` parameters, and close that connection afterwards; raises HostError."""
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
