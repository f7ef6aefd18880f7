"""One host's run of a task that announces what it asks, as Nornir's ``Task.start`` would run it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NoReturn

from nornir.core.inventory import Host
from nornir.core.processor import Processors
from nornir.core.task import MultiResult, Result, Task

from moor.engine.asking import Asking, Question, asking_of
from moor.script_result import ScriptResult


class BegunProcessors(Processors):
    """The processors of a task that has begun on its host, which they know already."""

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Do nothing."""


class HostTurn:
    """A host's run of the task.

    Attributes:
        question: what the task asks next; None before ``begin``, and once it asks nothing more.
    """

    def __init__(self, task: Task, host: Host) -> None:
        self.host = host
        self.question: Question | None = None
        self._task, self._begun = task, False
        self._asking: Asking[Result]
        self._end: Callable[[], Result]

    def begin(self) -> None:
        """Begin, unless that was done before an earlier attempt to reach the host; raise what a processor raises."""
        if self._begun:
            return
        self._begun = True
        task = self._task = self._task.copy()
        task.host = self.host
        task.processors.task_instance_started(task, self.host)
        self._asking = asking_of(task)
        self._go_on(partial(next, self._asking))

    def answer(self, result: ScriptResult) -> None:
        """Send the task the host's answer."""
        self._go_on(partial(self._asking.send, result))

    def fail(self, error: Exception) -> None:
        """Raise in the task why there is no answer."""
        self._go_on(partial(self._asking.throw, error))

    def finish(self) -> MultiResult:
        """Have Nornir make the results of what the task returned or raised; raise what a processor raises."""
        task, end = self._task, self._end
        task.task = lambda *_, **__: end()
        task.processors = BegunProcessors(task.processors)
        return task.start(self.host)

    def _go_on(self, step: Callable[[], Question]) -> None:
        self.question = None
        try:
            self.question = step()
        except StopIteration as end:
            self._end = partial(_identity, end.value)
        except Exception as error:  # whatever the task raises is its result
            self._end = partial(_raise, error)


def _identity(found: Result) -> Result:
    return found


def _raise(error: Exception) -> NoReturn:
    raise error
