"""The words of one roll-out, what they make of a run's hosts, and when it stops."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.folding import fold
from moor.run.foresight import may_change
from moor.run.rolling.amount import Amount
from moor.run.rolling.hooks import HookRunner
from moor.run.rolling.waves import Wave, waves_of
from moor.run.rolling.windows import next_window
from moor.run.runbook import Rolling, Runbook, Stage

OUTSIDE = "outside of its maintenance windows"
Answer = Literal["yes", "no", "stop"]


@dataclass(frozen=True)
class RollOut:
    """How a run goes over its hosts; by default all of them together, each stage by its own rules.

    Attributes:
        batch: how many hosts take their turn together.
        canary: how many hosts, or which, come first.
        pause_s: the pause between two waves.
        go_on: asks between two waves whether to go on; None to go on without.
        max_failures: how many hosts may fail; after one more no further wave begins.
        left_out: by host, why it takes no part; stages that need it are skipped, as if it had failed before.
        in_windows: whether hosts outside of their maintenance windows are left as they are.
        hooks: what runs before and after changes; None for nothing.
        ticket: why the run is made, as a word of its user.
        ask_stage: asks before a stage that may change something; returns yes, no, or stop.
    """

    batch: Amount | None = None
    canary: Amount | frozenset[str] | None = None
    pause_s: float = 0
    go_on: Callable[[str], bool] | None = None
    max_failures: Amount | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    in_windows: bool = False
    hooks: HookRunner | None = None
    ticket: str = ""
    ask_stage: Callable[[str], Answer] | None = None

    @property
    def has_waves(self) -> bool:
        """Return whether the hosts take their turn one after the other."""
        return self.batch is not None or self.canary is not None

    @property
    def waits(self) -> bool:
        """Return whether time passes between two waves."""
        return bool(self.pause_s) or self.go_on is not None

    def waves(self, hosts: Collection[Host], stages: Iterable[Stage]) -> tuple[Wave, ...]:
        """Return the waves of a run whose hosts have been read."""
        known = tuple(stages)
        names = [host.name for host in hosts]
        if not self.has_waves:
            return (Wave("rest", tuple(names), "all hosts"),)
        ahead = {host.name for host in hosts if comes_first(host, known) or not may_change(host, known)}
        return waves_of(names, ahead, self.canary, self.batch)

    def kept_out(self, hosts: Iterable[Host], stages: Sequence[Stage], now: datetime) -> dict[str, str]:
        """Return why some hosts may not be changed now, by name; those on which nothing changes may.

        Args:
            hosts: those whose turn it is.
            stages: what would run on them.
            now: the time.
        """
        if not self.in_windows:
            return {}
        closed = {host: words for host in hosts if (words := next_window(host, now))}
        changing = {host.name: words for host, words in closed.items() if may_change(host, stages)}
        return {name: f"{OUTSIDE}; the next is {words}" for name, words in changing.items()}

    def rules_in(self, wave: Wave, stage: Stage, total: int) -> Rolling:
        """Return how a stage goes over the hosts of a wave: a batch of the command line is a batch of the stage.

        Args:
            wave: the hosts that take their turn.
            stage: the stage.
            total: the number of the run's hosts.
        """
        rules = stage.rolling
        if wave.kind == "batch":
            return replace(rules, batch=0, pause_s=0)
        return replace(rules, max_failures=self.max_failures.of(total)) if self.max_failures else rules

    def refusal(self, failed: Collection[str], total: int) -> str:
        """Return why no further wave begins; empty if one may.

        Args:
            failed: the hosts that have failed so far.
            total: the number of the run's hosts.
        """
        most = self.max_failures.of(total) if self.max_failures else 0
        if len(failed) <= most:
            return ""
        bound = f", and at most {most} of {total} may" if most else ""
        return f"stopped: {fold(sorted(failed), ', ')} failed{bound}"


TOGETHER = RollOut()


def split_stages(stages: tuple[Stage, ...]) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """Return the stages that each wave runs, and those that run once at the end, over all hosts.

    The latter begin at the first that asks the cluster's API: the cluster changes once all of its nodes have.
    """
    at = next((at for at, stage in enumerate(stages) if stage.by_api), len(stages))
    return stages[:at], stages[at:]


def refuse_no_roll_out(runbook: Runbook, roll_out: RollOut) -> None:
    """Raise InputError if the runbook's stages cannot run wave by wave, since each needs the former on all hosts."""
    if roll_out.has_waves and (runbook.looks or runbook.proves):
        raise InputError(
            f"{runbook.name}: each of its steps needs the former on all hosts, so that it cannot go by --batch or "
            "--canary; leave them out"
        )


def comes_first(host: Host, stages: Iterable[Stage]) -> bool:
    """Return whether other hosts need what the stages make on this one."""
    return any((stage.ahead and stage.runs_on(host)) or stage.depends_on(host) for stage in stages)
