"""Write a line of CSV for each resource that is not as it should be, as soon as its host has answered."""

import csv
import sys
from pathlib import Path
from threading import Lock

from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Task

from moor.api import open_site
from moor.tasks.names.hosts import write_hosts


class Csv:
    """A Nornir processor; hosts end at the same time, in threads of their own."""

    def __init__(self) -> None:
        self.rows, self.lock = csv.writer(sys.stdout), Lock()
        self.rows.writerow(("host", "resource", "state"))

    def task_started(self, task: Task) -> None:
        """Do nothing; a processor has all six methods."""

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """Do nothing."""

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Do nothing."""

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Write what differs on this host, or its error."""
        with self.lock:
            if result.failed:
                self.rows.writerow((host.name, task.name, result.exception or result[0].result))
            for resource in result[1:]:  # the first is the task's own
                if resource.changed:
                    self.rows.writerow((host.name, resource.name, "differs"))

    def subtask_instance_started(self, task: Task, host: Host) -> None:
        """Do nothing."""

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Do nothing."""


nr = open_site(Path.cwd(), dry_run=True).with_processors([Csv()])
nr.run(task=write_hosts)
