"""Reading all that a runbook's stages declare of a host, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.engine.asking import Asking, asks
from moor.engine.observation import observation_of
from moor.engine.probing import ask_states
from moor.run.foresight import foresee
from moor.run.runbook import Stage

READ = "read"  # the name of the task that reads


def read_hosts(nr: Nornir, stages: Sequence[Stage]) -> None:
    """Read all hosts of ``nr`` that have not failed."""
    nr.run(task=observe, name=READ, stages=stages)


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
