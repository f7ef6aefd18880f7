"""Running a runbook: reading every host once, then its stages, over the hosts as the roll-out says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.context import change_context
from moor.engine.observation import begin_observation, end_observation
from moor.run.foresight import stages_of
from moor.run.idle_connections import ConnectionCloser
from moor.run.reading import read_hosts
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.rolling.turns import run_waves
from moor.run.runbook import Runbook, Skipped, Stage


def run_runbook(
    nr: Nornir, runbook: Runbook, progress: Callable[[str], None] = lambda _: None, roll_out: RollOut = TOGETHER
) -> list[Skipped]:
    """Run a runbook, as a plan if Nornir is in a dry run; results go to Nornir's processors.

    Args:
        nr: the hosts.
        runbook: the stages.
        progress: called with a line about the roll-out; stages are told by Nornir's processors.
        roll_out: how an apply goes over the hosts; a plan disrupts nothing, so that it takes them together.
    """
    hosts = nr.inventory.hosts
    change_context(nr, taking_part=frozenset(hosts), examining=runbook.independent)
    for host in hosts.values():
        begin_observation(host)
    try:
        last = {name: _last(host, runbook.stages, nr.data.dry_run) for name, host in hosts.items()}
        closing = nr.with_processors([*nr.processors, ConnectionCloser(nr, last, runbook.independent)])
        read_hosts(closing, runbook.stages)
        return list(run_waves(closing, runbook, TOGETHER if nr.data.dry_run else roll_out, progress))
    finally:
        change_context(nr, desired={})
        for host in hosts.values():
            end_observation(host)


def _last(host: Host, stages: Sequence[Stage], dry_run: bool) -> str:
    """Return the name of the run's last task on ``host``; empty if none follows the observation."""
    held = stages_of(host, stages)
    if not held:
        return ""
    health = None if dry_run else held[-1].rolling.health
    return health.__name__ if health else held[-1].name
