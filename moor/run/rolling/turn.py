"""The turn of some hosts of a run, and the hooks around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from nornir.core import Nornir

from moor.context import context_of
from moor.run.foresight import may_change
from moor.run.rolling.hooks import Known
from moor.run.rolling.roll_out import RollOut
from moor.run.rolling.steps import Due
from moor.run.rolling.waves import Wave
from moor.run.runbook import Runbook, Skipped


@dataclass(frozen=True)
class Turn:
    """The turn of some hosts of a run.

    Attributes:
        nr: all hosts of the run, since a stage may depend on hosts of another turn.
        runbook: what runs on them.
        wave: the hosts whose turn it is.
        roll_out: how the run goes over its hosts.
        progress: called with a line of progress.
        kept_out: hosts that may not be changed now, and have not failed; shared by all turns of a run.
        due: what each stage may change, for a run that asks before each.
    """

    nr: Nornir
    runbook: Runbook
    wave: Wave
    roll_out: RollOut
    progress: Callable[[str], None]
    kept_out: set[str]
    due: Due = field(default_factory=dict)

    def known(self, host: str = "", result: str = "") -> Known:
        """Return what a hook is given to know."""
        context = context_of(self.nr)
        said = {"run": context.run, "command": context.command, "runbook": self.runbook.name}
        return {**said, "host": host, "result": result}


def before_run(turn: Turn) -> str:
    """Run the hooks before the first host is changed, if one will be; return why a hook failed."""
    hooks = turn.roll_out.hooks
    return hooks.run("before_run", turn.known()) if hooks else ""


def after_run(turn: Turn, result: str) -> Iterator[Skipped]:
    """Run the hooks after the last host; yield why one failed."""
    hooks = turn.roll_out.hooks
    if hooks and (words := hooks.run("after_run", turn.known(result=result))):
        yield Skipped("", (), words, failed=True)


def changing_hosts(turn: Turn) -> list[str]:
    """Return the hosts of a turn on which something may change; none where nobody asks, since that takes time."""
    if not turn.roll_out.hooks:
        return []
    hosts, failed = turn.nr.inventory.hosts, turn.nr.data.failed_hosts
    return [name for name in turn.wave.hosts if name not in failed and may_change(hosts[name], turn.runbook.stages)]


def before_hosts(turn: Turn, names: Sequence[str]) -> Iterator[Skipped]:
    """Run the hooks before hosts are changed; yield those that stay as they are since a hook failed."""
    if hooks := turn.roll_out.hooks:
        for name, words in hooks.run_for("before_host", {name: turn.known(name) for name in names}).items():
            turn.nr.data.failed_hosts.add(name)
            yield Skipped("", (name,), words)


def after_hosts(turn: Turn, names: Sequence[str]) -> Iterator[Skipped]:
    """Run the hooks after hosts were changed, or failed, or were left since a hook failed; yield whose hook failed."""
    if hooks := turn.roll_out.hooks:
        failed = turn.nr.data.failed_hosts
        known = {name: turn.known(name, "failed" if name in failed else "ok") for name in names}
        for name, words in hooks.run_for("after_host", known).items():
            failed.add(name)
            yield Skipped("", (name,), words, failed=True)
