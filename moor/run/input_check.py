"""The check of the input by every task's ``desired`` and ``judge``, before the first connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from nornir.core.inventory import Host

from moor.engine.alike import Alike
from moor.engine.desired import desired_ahead_of
from moor.errors import InputError, MissingSection, MoorError, UnfitInput
from moor.inventory.places import with_places
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
    ignored = (*([MissingSection] if partly else []), *([UnfitInput] if examining else []))
    checks = [StageCheck(stage, judges=UnfitInput not in ignored) for stage in stages if stage.desired]
    checks_of = Alike(lambda host: [check for check in checks if check.stage.runs_on(host)])
    found: dict[str, Host] = {}
    for host in hosts:
        for check in checks_of.of(host):
            found |= {line: host for line in check.findings(host, ignored) if line not in found}
    if found:
        raise InputError("\n".join(with_places(found)))


class StageCheck:
    """The check of the input by one stage's ``judge`` and ``desired``."""

    def __init__(self, stage: Stage, judges: bool) -> None:
        self.stage, self._desired = stage, stage.desired
        self._judge = Alike(partial(_judge, stage.judge)) if judges and stage.judge else None

    def findings(self, host: Host, ignored: tuple[type[InputError], ...]) -> Iterator[str]:
        """Yield what is wrong with the input of a host, but for errors of the types ``ignored``."""
        try:
            if self._judge:
                self._judge.of(host)
            if self._desired:
                desired_ahead_of(host, self._desired)
        except InputError as error:
            if not isinstance(error, ignored):
                yield from str(error).splitlines()
        except MoorError:
            return  # not an error of the input; the stage itself reports it


def _judge(judge: Callable[[Host], None], host: Host) -> None:
    try:
        judge(host)
    except MoorError:
        raise
    except Exception as error:  # a site's own module may fail in any way
        if words := failure_in_site(error, judge.__module__):
            raise InputError(words) from error
        raise
