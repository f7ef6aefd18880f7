"""The base of moor's Nornir processors."""

from __future__ import annotations

from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Task


class QuietProcessor:
    """A Nornir processor that does nothing at any event; a subclass overrides those that concern it."""

    def task_started(self, task: Task) -> None:
        """Do nothing when a task starts."""

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """Do nothing when a task has ended on all hosts."""

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Do nothing when a task starts on one host."""

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Do nothing when a task has ended on one host."""

    def subtask_instance_started(self, task: Task, host: Host) -> None:
        """Do nothing when a subtask starts on one host."""

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Do nothing when a subtask has ended on one host."""
