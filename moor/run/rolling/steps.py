"""A run that asks before each stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nornir.core import Nornir

from moor.folding import fold
from moor.run.foresight import may_change
from moor.run.rolling.roll_out import Answer, RollOut
from moor.run.runbook import Stage

Due = Mapping[int, frozenset[str]]  # by the ``id`` of a stage, the hosts that it may change


def due_stages(nr: Nornir, stages: Sequence[Stage], roll_out: RollOut) -> Due:
    """Return the hosts that each stage may change, by what was read before the first; nothing if nobody is asked."""
    if roll_out.ask_stage is None:
        return {}
    alone = [(stage,) for stage in stages]  # kept while they are asked about, since foresight knows them by identity
    ready = [host for name, host in nr.inventory.hosts.items() if name not in nr.data.failed_hosts]
    return {
        id(one[0]): frozenset(host.name for host in ready if one[0].runs_on(host) and may_change(host, one))
        for one in alone
    }


def answer(stage: Stage, names: Sequence[str], ask: Callable[[str], Answer] | None, due: Due) -> Answer:
    """Ask whether a stage is to run on some hosts; yes without asking where it changes nothing."""
    asked = [name for name in names if name in due.get(id(stage), frozenset())]
    return ask(f"{stage.name} on {fold(asked)}") if ask and asked else "yes"
