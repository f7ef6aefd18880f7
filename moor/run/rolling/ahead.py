"""Looking ahead: which hosts a run will change, also where only an API can tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.context import separate_nornir
from moor.engine.observation import observation_of
from moor.engine.results import ResourceResult
from moor.processors import QuietProcessor
from moor.run.foresight import foreseen_change, is_plannable
from moor.run.rolling.roll_out import RollOut
from moor.run.rolling.windows import next_window
from moor.run.runbook import Stage


class ChangeNoter(QuietProcessor):
    """A Nornir processor that notes the hosts on which a plan has changes, or fails."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Note the host unless everything is as it should be."""
        parts = (sub for sub in result[1:] if isinstance(sub, ResourceResult))
        if result.failed or any(not sub.is_right for sub in parts):
            self.found.add(host.name)


def look_ahead(nr: Nornir, stages: Sequence[Stage], roll_out: RollOut, names: Iterable[str]) -> None:
    """Plan the hosts of which reading alone does not tell whether they will change, where the roll-out asks that.

    Their observations note the answer, and stay as they were otherwise: what the plan has read may be out of date
    when the host's turn comes.
    """
    asked = {name: nr.inventory.hosts[name] for name in names if name not in nr.data.failed_hosts}
    if not (roll_out.has_waves or roll_out.hooks):
        now = datetime.now(UTC)
        asked = {name: host for name, host in asked.items() if roll_out.in_windows and next_window(host, now)}
    unsure = {
        name: host
        for name, host in asked.items()
        if is_plannable(host, stages) and foreseen_change(host, stages) is None
    }
    if not unsure:
        return
    states = {name: dict(observation_of(host).states) for name, host in unsure.items()}
    found = _planned(nr, stages, frozenset(unsure))
    for name, host in unsure.items():
        seen = observation_of(host)
        seen.states, seen.planned, seen.same = states[name], set(), name not in found


def _planned(nr: Nornir, stages: Sequence[Stage], names: frozenset[str]) -> set[str]:
    """Return the hosts on which a plan has changes, or fails."""
    noter = ChangeNoter()
    some = nr.filter(filter_func=lambda host: host.name in names)
    planning = separate_nornir(some, dry_run=True, answers={}).with_processors([noter])
    for stage in stages:
        here = planning.filter(filter_func=stage.runs_on)
        if here.inventory.hosts:
            here.run(task=stage.task)
    return noter.found
