"""Closing what a run no longer needs, so that an idle host costs neither memory nor wake-ups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.context import context_of
from moor.engine.observation import observation_of
from moor.processors import QuietProcessor

if TYPE_CHECKING:
    from moor.runbook import Runbook, Stage


class Closer(QuietProcessor):
    """Nornir processor that closes a host's connection to its shell after the last task that may use it."""

    def __init__(self, nr: Nornir, runbook: Runbook) -> None:
        self._kept = context_of(nr).keep_connections
        self._independent, self._dry_run = runbook.independent, nr.data.dry_run
        hosts = nr.inventory.hosts.values()
        self._last = {host.name: _last(host, runbook.stages, nr.data.dry_run) for host in hosts}

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Close the connection where this was the last task, or nothing is left to ask of the host."""
        if not self._kept and "shell" in host.connections and self._is_over(task, host, result.failed):
            host.close_connection("shell")

    def _is_over(self, task: Task, host: Host, failed: bool) -> bool:
        known = self._dry_run and observation_of(host).whole  # a plan of what was read whole asks nothing more
        return known or (failed and not self._independent) or task.name == self._last[host.name]


def _last(host: Host, stages: Iterable[Stage], dry_run: bool) -> str:
    """Name the last task of a run on ``host``; empty where none follows the reading."""
    held = [stage for stage in stages if stage.holds(host)]
    if not held:
        return ""
    health = None if dry_run else held[-1].rolling.health
    return health.__name__ if health else held[-1].name
