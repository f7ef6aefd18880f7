"""Running a runbook: reading every host once, then the stages in their order, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import change_context, context_of
from moor.engine.alike import Alike
from moor.engine.asking import Asking, asks
from moor.engine.observation import begin_observation, end_observation, observation_of
from moor.engine.probing import ask_states
from moor.run.foresight import foresee, stages_of
from moor.run.idle_connections import ConnectionCloser
from moor.run.runbook import Rolling, Runbook, Skipped, Stage


def run_runbook(nr: Nornir, runbook: Runbook, progress: Callable[[str], None] = lambda _: None) -> list[Skipped]:
    """Run a runbook, as a plan if Nornir is in a dry run; results go to Nornir's processors.

    Args:
        nr: the hosts.
        runbook: the stages.
        progress: called with a line of progress at the start of each stage.
    """
    hosts = nr.inventory.hosts
    change_context(nr, taking_part=frozenset(hosts), examining=runbook.independent)
    for host in hosts.values():
        begin_observation(host)
    try:
        progress(f"read {len(hosts)} host{'s' if len(hosts) > 1 else ''}")
        last = {name: _last(host, runbook.stages, nr.data.dry_run) for name, host in hosts.items()}
        closing = nr.with_processors([*nr.processors, ConnectionCloser(nr, last, runbook.independent)])
        closing.run(task=observe, name="read", stages=runbook.stages)
        return list(_run_stages(closing, runbook, progress))
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


def _run_stages(nr: Nornir, runbook: Runbook, progress: Callable[[str], None]) -> Iterator[Skipped]:
    unread = frozenset(nr.data.failed_hosts)
    for stage in runbook.stages:
        yield from _run_stage(nr, stage, progress)
        if runbook.independent:
            nr.data.failed_hosts.intersection_update(unread)


@asks
def observe(task: Task, stages: Sequence[Stage]) -> Asking[Result]:
    """Read all resources of a host that the stages declare by script, in one round trip.

    Raises:
        MoorError: two stages declare one resource with different content.
    """
    seen, ahead = observation_of(task.host), foresee(task.host, stages)
    seen.states.update((yield from ask_states(ahead.reading)))
    seen.whole = ahead.whole
    return Result(host=task.host, result=f"{len(ahead.reading)} resources read")


def _run_stage(nr: Nornir, stage: Stage, progress: Callable[[str], None]) -> Iterator[Skipped]:
    runs_on = Alike(stage.runs_on)
    names = [name for name, host in nr.inventory.hosts.items() if runs_on.of(host)]
    failed = set() if _takes_failed(nr, stage) else nr.data.failed_hosts
    if gone := [name for name in names if name in failed]:
        yield Skipped(stage.name, tuple(gone), "failed before")
    ready = [name for name in names if name not in failed]
    if not ready:
        return
    if sick := sorted(name for name, host in nr.inventory.hosts.items() if name in failed and stage.depends_on(host)):
        yield Skipped(stage.name, tuple(ready), f"{', '.join(sick)} failed", foreseen=nr.data.dry_run)
        if not nr.data.dry_run:  # a plan changes nothing, so it can still show the other hosts' changes
            return
    yield from _run_batches(nr, stage, ready, progress)


def _takes_failed(nr: Nornir, stage: Stage) -> bool:
    """Return whether the stage also runs on hosts that have failed: a check of what an API says needs no host."""
    return stage.by_api and context_of(nr).examining


def _run_batches(nr: Nornir, stage: Stage, names: list[str], progress: Callable[[str], None]) -> Iterator[Skipped]:
    rolling = Rolling() if nr.data.dry_run else stage.rolling  # a plan disrupts nothing
    rest, failed = iter(names), set[str]()
    while batch := list(islice(rest, rolling.batch or len(names))):
        if rolling.pause_s and batch[0] != names[0]:
            time.sleep(rolling.pause_s)
        progress(f"{stage.name}: {', '.join(batch)}")
        failed |= _run_batch(nr, stage, batch, rolling)
        if len(failed) > rolling.max_failures and rolling.batch and (spared := tuple(rest)):
            nr.data.failed_hosts.update(spared)  # later stages may depend on this one
            yield Skipped(stage.name, spared, f"stopped: {', '.join(sorted(failed))} failed")


def _run_batch(nr: Nornir, stage: Stage, names: Sequence[str], rolling: Rolling) -> set[str]:
    """Run a stage and its health check on some hosts; return those that failed."""
    chosen = frozenset(names)
    some = nr.filter(filter_func=lambda host: host.name in chosen)
    failed = set(some.run(task=stage.task, on_failed=_takes_failed(nr, stage)).failed_hosts)
    if rolling.health and chosen - failed:
        failed |= set(some.run(task=rolling.health).failed_hosts)
    return failed
