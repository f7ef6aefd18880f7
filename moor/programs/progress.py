"""What a program is told of a run while it lasts, a line at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Task

from moor.engine.plan import printable, printable_line
from moor.engine.results import ResourceResult
from moor.folding import fold
from moor.processors import QuietProcessor
from moor.run.report import error_of

Tell = Callable[[str], None]
CLOSING = "close_connections_task"  # Nornir's own


class ProgressLines(QuietProcessor):
    """A Nornir processor that tells which stage begins where, what was changed, and which hosts failed.

    Args:
        tell: is called with each line, by one thread at a time.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell, self._lock = tell, threading.Lock()

    def line(self, words: str) -> None:
        """Tell a line, without secrets."""
        with self._lock:
            self._tell(printable(words))

    def task_started(self, task: Task) -> None:
        """Tell what begins, and on which hosts."""
        if task.name != CLOSING:
            self.line(f"{task.name}: {fold(list(task.nornir.inventory.hosts), ', ')}")

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Tell what an apply has changed on a host, and why the host failed."""
        subs = (sub for sub in result[1:] if isinstance(sub, ResourceResult) and sub.status == "changed")
        for sub in subs:
            self.line(f"{host.name}: changed {printable_line(str(sub.name))}")
        if words := error_of(result[0]):
            self.line(f"{host.name}: failed: {words.splitlines()[0]}")
