"""The check of the input by every task's ``desired`` and ``judge``, before the first connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from nornir.core.inventory import Host

from moor.engine.desired import desired_ahead_of
from moor.errors import InputError, MissingSection, MoorError, UnfitInput
from moor.run.runbook import Stage
from moor.settings.modules import failure_in_site


def refuse_bad_input(
    hosts: Iterable[Host], stages: Iterable[Stage], *, partly: bool = False, examining: bool = False
) -> None:
    """Check the input of every host with every stage.

    Args:
        hosts: those whose input is checked.
        stages: those that check it.
        partly: the stages will not run, so a host may lack sections.
        examining: a drift check, in which unfit input is an error of its own stage alone.

    Raises:
        InputError: everything that is wrong, each fault once.
    """
    stages = tuple(stages)
    ignored = (*([MissingSection] if partly else []), *([UnfitInput] if examining else []))
    found = [line for host in hosts for stage in stages for line in _findings(host, stage, ignored)]
    if found:
        raise InputError("\n".join(dict.fromkeys(found)))


def _findings(host: Host, stage: Stage, ignored: tuple[type[InputError], ...]) -> Iterator[str]:
    if stage.desired and stage.runs_on(host):
        try:
            if stage.judge and UnfitInput not in ignored:
                _judge(host, stage.judge)
            desired_ahead_of(host, stage.desired)
        except InputError as error:
            if not isinstance(error, ignored):
                yield from str(error).splitlines()
        except MoorError:
            return  # not an error of the input; the stage itself reports it


def _judge(host: Host, judge: Callable[[Host], None]) -> None:
    try:
        judge(host)
    except MoorError:
        raise
    except Exception as error:  # a site's own module may fail in any way
        if words := failure_in_site(error, judge.__module__):
            raise InputError(words) from error
        raise
