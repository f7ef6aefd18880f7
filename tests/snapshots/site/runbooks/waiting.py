"""A runbook whose only step never ends."""

import threading
from pathlib import Path

from nornir.core.filter import F
from nornir.core.task import Result, Task

from moor.run.runbook import Runbook, Stage


def wait_for_ever(task: Task) -> Result:
    """Write a file that shows that the step has begun, and wait."""
    (Path(__file__).parent.parent / "begun").touch()
    threading.Event().wait(300)
    return Result(host=task.host)


RUNBOOK = Runbook("waiting", "A step that does not end by itself.", (Stage(wait_for_ever, on=F()),))
