"""Results of failed tasks in the error's own words, for scripts that print what Nornir returns."""

from __future__ import annotations

import logging

from nornir.core.exceptions import NornirSubTaskError
from nornir.core.inventory import Host
from nornir.core.processor import Processors
from nornir.core.task import MultiResult, Task

from moor.engine.plan import printable
from moor.errors import MoorError
from moor.processors import QuietProcessor
from moor.secrets.masking import MaskingFilter

MASKING = MaskingFilter()
NOWHERE = logging.NullHandler()
LOGGER = logging.getLogger(Task.__module__)


class PlainErrors(QuietProcessor):
    """Replaces the traceback that Nornir makes the result of a failed task; the exception and the log keep it."""

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Replace the traceback of a task."""
        _replace(result)

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Replace the traceback of a task that another task ran."""
        _replace(result)


def plain_errors() -> PlainErrors:
    """Return the processor for a Nornir of a script, and have Nornir's log mask secrets.

    Where the script sets up no logging, Python would print the log's tracebacks beside the results.
    """
    LOGGER.addFilter(MASKING)  # once, however often it is added
    LOGGER.addHandler(NOWHERE)
    return PlainErrors()


def show_errors_plainly(task: Task) -> None:
    """Have a failure of this task on this host result in one message, without secrets, also in Nornir's log."""
    LOGGER.addFilter(MASKING)
    if not any(isinstance(one, PlainErrors) for one in task.processors):
        # Nornir gives each host a copy of the task; the list of processors is shared by all of them.
        task.processors = Processors([*task.processors, PlainErrors()])


def _replace(results: MultiResult) -> None:
    task, *resources = results
    if task.exception is None:
        return
    if not isinstance(task.exception, (MoorError, NornirSubTaskError)):
        task.result = printable(str(task.result))  # a fault of a program, whose author needs the traceback
        return
    message = printable(str(task.exception)).strip()
    failed = [str(one.result) for one in resources if one.failed]
    told = {line for words in failed for line in words.split("\n")}
    task.result = f"{len(failed)} of {len(resources)} failed" if told.issuperset(message.split("\n")) else message
