"""Tasks that have nothing to ask of a host, since a plan knows all that they need."""

from __future__ import annotations

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.engine.desired import desired_ahead_of, desired_beside
from moor.engine.observation import current_observation
from moor.resources.base import Probed


def is_known(task: Task, host: Host) -> bool:
    """Return whether the task is a plan of resources that were all read from the host before.

    A task may do more than its module's ``desired`` says; it is then slower than it could be, and still right.
    """
    desired, seen = desired_beside(task.task), current_observation(host)
    if not task.is_dry_run() or desired is None or seen is None:
        return False
    if seen.whole:
        return True
    try:
        resources = desired_ahead_of(host, desired)
    except Exception:  # the task itself reports it
        return False
    return all(isinstance(one, Probed) and one.id in seen.states for one in resources)
