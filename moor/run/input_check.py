"""Bad input that only the pure halves of tasks can see, told before the first connection, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nornir.core.inventory import Host

from moor.engine.desired import desired_ahead_of
from moor.errors import InputError, MissingSection, MoorError, UnfitInput
from moor.run.runbook import Stage


def refuse_bad_input(
    hosts: Iterable[Host], stages: Iterable[Stage], *, partly: bool = False, examining: bool = False
) -> None:
    """Check the input of every host with every stage.

    Args:
        partly: a host need not have every section: the stages are not about to run
        examining: the stages change nothing and none waits for another, so that what is unfit is left to its own stage

    Raises:
        InputError: everything that is wrong, each fault once.
    """
    stages = tuple(stages)
    left = (*([MissingSection] if partly else []), *([UnfitInput] if examining else []))
    found = [line for host in hosts for stage in stages for line in _findings(host, stage, left)]
    if found:
        raise InputError("\n".join(dict.fromkeys(found)))


def _findings(host: Host, stage: Stage, left: tuple[type[InputError], ...]) -> Iterator[str]:
    if stage.desired and stage.runs_on(host):
        try:
            if stage.judge and UnfitInput not in left:
                stage.judge(host)
            desired_ahead_of(host, stage.desired)
        except InputError as error:
            if not isinstance(error, left):
                yield from str(error).splitlines()
        except MoorError:
            return  # no input's fault: the stage itself says so, in its turn
