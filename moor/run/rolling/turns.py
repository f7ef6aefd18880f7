"""Running the stages of a runbook wave by wave, and each stage batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from nornir.core import Nornir

from moor.context import context_of
from moor.engine.alike import Alike
from moor.engine.observation import begin_observation
from moor.folding import fold
from moor.progress import format_duration
from moor.run.foresight import may_change
from moor.run.reading import read_hosts
from moor.run.rolling.ahead import look_ahead
from moor.run.rolling.roll_out import RollOut, split_stages
from moor.run.rolling.steps import answer, due_stages
from moor.run.rolling.turn import Turn, after_hosts, after_run, before_hosts, before_run, changing_hosts
from moor.run.rolling.waves import Wave
from moor.run.runbook import Rolling, Runbook, Skipped, Stage


def run_waves(nr: Nornir, runbook: Runbook, roll_out: RollOut, progress: Callable[[str], None]) -> Iterator[Skipped]:
    """Run the stages on one wave after the other, then those that concern the cluster as a whole.

    Yields:
        the hosts on which a stage did not run, or whose turn did not come.
    """
    everybody = Wave("rest", tuple(nr.inventory.hosts), "all hosts")
    hooks = replace(roll_out.hooks, progress=progress) if roll_out.hooks else None
    run = Turn(nr, runbook, everybody, replace(roll_out, hooks=hooks), progress, set())
    look_ahead(nr, runbook.stages, roll_out, everybody.hosts)
    if not (hooks and changing_hosts(run)):
        yield from _run_all(replace(run, roll_out=replace(roll_out, hooks=None)))
        return
    unread = frozenset(nr.data.failed_hosts)
    try:
        if words := before_run(run):
            yield from _left(run, (everybody,), (), words)
        else:
            yield from _run_all(run)
    finally:
        failed = nr.data.failed_hosts - unread - run.kept_out
        yield from after_run(run, "failed" if failed else "ok")


def _run_all(run: Turn) -> Iterator[Skipped]:
    nr, runbook, roll_out = run.nr, run.runbook, run.roll_out
    unread = frozenset(nr.data.failed_hosts)
    hosts = [host for name, host in nr.inventory.hosts.items() if not (roll_out.has_waves and name in unread)]
    waves = roll_out.waves(hosts, runbook.stages)
    head, tail = split_stages(runbook.stages) if roll_out.has_waves else (runbook.stages, ())
    run = replace(run, due=due_stages(nr, runbook.stages, roll_out))
    for at, wave in enumerate(waves):
        turn = replace(run, wave=wave)
        if at and roll_out.waits:
            _read_again(turn, runbook.stages)
        idle = roll_out.waits and not _may_change(turn)
        yield from _run_wave(turn, head)
        if at + 1 < len(waves) and (words := _stop(turn, waves[at + 1], unread, idle)):
            yield from _left(run, waves[at + 1 :], tail, words)
            return
    yield from _run_stages(run, tail)


def _run_wave(turn: Turn, stages: Sequence[Stage]) -> Iterator[Skipped]:
    yield from _keep_out(turn, turn.wave.hosts, turn.runbook.stages)
    changing = changing_hosts(turn)
    yield from before_hosts(turn, changing)
    yield from _run_stages(turn, stages)
    yield from after_hosts(turn, changing)


def _may_change(turn: Turn) -> bool:
    hosts = turn.nr.inventory.hosts
    return any(may_change(hosts[name], turn.runbook.stages) for name in turn.wave.hosts)


def _stop(turn: Turn, following: Wave, unread: frozenset[str], idle: bool) -> str:
    """Wait between two waves, unless the first was idle; return why the second does not begin, empty if it does."""
    nr, roll_out = turn.nr, turn.roll_out
    # Hosts that were not even read show nothing about the change.
    if words := roll_out.refusal(nr.data.failed_hosts - unread - turn.kept_out, len(nr.inventory.hosts)):
        return words
    if not roll_out.waits or idle:
        return ""
    for host in nr.inventory.hosts.values():
        host.close_connections()  # which would end by themselves in a long pause
    named = f"{turn.wave.name} ended; next is {following.name}: {fold(following.hosts, ', ')}"
    if roll_out.go_on:
        return "" if roll_out.go_on(named) else f"stopped after {turn.wave.name}, as you said"
    turn.progress(f"{named}, in {format_duration(roll_out.pause_s)}")
    time.sleep(roll_out.pause_s)
    return ""


def _left(run: Turn, waves: Sequence[Wave], tail: Sequence[Stage], words: str) -> Iterator[Skipped]:
    """Yield the hosts whose turn does not come, and those that wait for them with their last stages."""
    nr = run.nr
    left = tuple(name for wave in waves for name in wave.hosts)
    yield Skipped("", left, words, stops=True)
    for stage in tail:
        hosts = nr.inventory.hosts.items()
        gone = {*left, *nr.data.failed_hosts}
        if waiting := tuple(name for name, host in hosts if name not in gone and stage.runs_on(host)):
            yield Skipped(stage.name, waiting, words)
    nr.data.failed_hosts.update(left)


def _keep_out(turn: Turn, names: Sequence[str], stages: Sequence[Stage], stage: str = "") -> Iterator[Skipped]:
    """Yield the hosts that may not be changed now, and have them take no further part."""
    hosts = [turn.nr.inventory.hosts[name] for name in names if name not in turn.nr.data.failed_hosts]
    for name, words in turn.roll_out.kept_out(hosts, stages, datetime.now(UTC)).items():
        turn.kept_out.add(name)
        turn.nr.data.failed_hosts.add(name)
        yield Skipped(stage, (name,), words)


def _read_again(turn: Turn, stages: Sequence[Stage]) -> None:
    """Read the hosts of a turn once more, since time has passed."""
    chosen = frozenset(turn.wave.hosts)
    some = turn.nr.filter(filter_func=lambda host: host.name in chosen)
    for host in some.inventory.hosts.values():
        begin_observation(host)
    read_hosts(some, stages)
    look_ahead(turn.nr, stages, turn.roll_out, turn.wave.hosts)


def _run_stages(turn: Turn, stages: Sequence[Stage]) -> Iterator[Skipped]:
    nr = turn.nr
    unread = frozenset(nr.data.failed_hosts)
    for at, stage in enumerate(stages):
        said = answer(stage, turn.wave.hosts, turn.roll_out.ask_stage, turn.due)
        if said == "stop":
            yield from _left(turn, [turn.wave], stages[at:], f"stopped before {stage.name}, as you said")
            return
        if said == "yes":
            yield from _run_stage(turn, stage)
        if turn.runbook.independent:
            nr.data.failed_hosts.intersection_update(unread)


def _run_stage(turn: Turn, stage: Stage) -> Iterator[Skipped]:
    nr, runs_on = turn.nr, Alike(stage.runs_on)
    names = [name for name in turn.wave.hosts if runs_on.of(nr.inventory.hosts[name])]
    failed = set() if _takes_failed(nr, stage) else nr.data.failed_hosts
    if gone := [name for name in names if name in failed]:
        yield Skipped(stage.name, tuple(gone), "failed before")
    ready = [name for name in names if name not in failed]
    if not ready:
        return
    if sick := sorted(name for name, host in nr.inventory.hosts.items() if name in failed and stage.depends_on(host)):
        left = " or may not be changed now" if turn.kept_out.intersection(sick) else ""
        yield Skipped(stage.name, tuple(ready), f"{fold(sick, ', ')} failed{left}", foreseen=nr.data.dry_run)
        if not nr.data.dry_run:  # a plan changes nothing, so it can still show the other hosts' changes
            return
    yield from _run_batches(turn, stage, ready)


def _takes_failed(nr: Nornir, stage: Stage) -> bool:
    """Return whether the stage also runs on hosts that have failed: a check of what an API says needs no host."""
    return stage.by_api and context_of(nr).examining


def _run_batches(turn: Turn, stage: Stage, names: list[str]) -> Iterator[Skipped]:
    nr = turn.nr
    # A plan disrupts nothing.
    rules = Rolling() if nr.data.dry_run else turn.roll_out.rules_in(turn.wave, stage, len(nr.inventory.hosts))
    rest, failed = iter(names), set[str]()
    while batch := list(islice(rest, rules.batch or len(names))):
        if rules.pause_s and batch[0] != names[0]:
            time.sleep(rules.pause_s)
        if rules.batch:  # its turn may come long after the stage's first
            yield from _keep_out(turn, batch, (stage,), stage.name)
            batch = [name for name in batch if name not in turn.kept_out]
        if not batch:
            continue
        failed |= _run_batch(nr, stage, batch, rules)
        if len(failed) > rules.max_failures and rules.batch and (spared := tuple(rest)):
            nr.data.failed_hosts.update(spared)  # later stages may depend on this one
            yield Skipped(stage.name, spared, f"stopped: {fold(sorted(failed), ', ')} failed")


def _run_batch(nr: Nornir, stage: Stage, names: Sequence[str], rules: Rolling) -> set[str]:
    """Run a stage and its health check on some hosts; return those that failed."""
    chosen = frozenset(names)
    some = nr.filter(filter_func=lambda host: host.name in chosen)
    failed = set(some.run(task=stage.task, on_failed=_takes_failed(nr, stage)).failed_hosts)
    if rules.health and chosen - failed:
        failed |= set(some.run(task=rules.health).failed_hosts)
    return failed
