"""A processor that closes connections that a run no longer needs, since each costs memory and keep-alives."""

from __future__ import annotations

from collections.abc import Mapping

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.context import context_of
from moor.engine.observation import observation_of
from moor.processors import QuietProcessor


class ConnectionCloser(QuietProcessor):
    """A Nornir processor that closes a host's shell connection after the last task that may use it."""

    def __init__(self, nr: Nornir, last: Mapping[str, str], independent: bool) -> None:
        """Note which task is the last on each host.

        Args:
            nr: the open site.
            last: the last task on each host; empty if none follows the observation.
            independent: a host that failed in one task still runs the next.
        """
        self._kept, self._dry_run = context_of(nr).keep_connections, nr.data.dry_run
        self._last, self._independent = last, independent

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Close the connection if this was the last task, or nothing is left to read from the host."""
        if not self._kept and "shell" in host.connections and self._is_over(task, host, result.failed):
            host.close_connection("shell")

    def _is_over(self, task: Task, host: Host, failed: bool) -> bool:
        known = self._dry_run and observation_of(host).whole  # a plan needs no further reading
        return known or (failed and not self._independent) or task.name == self._last[host.name]
