"""What a stage wants of a host, asked of its pure half once a run.

In a dry run nothing changes, so that one value serves the check of the input, the reading and the stage itself. An
apply asks again at each stage, since an earlier stage may have made what this one needs, on any host or the controller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import context_of
from moor.errors import MoorError
from moor.resources.base import Resource

Desired = Callable[[Host], Sequence[Resource]]


def desired_ahead_of(host: Host, desired: Desired) -> Sequence[Resource]:
    """Return what ``desired`` returned for the host before the run's stages begin; raises what it raised."""
    known, key = context_of(host).desired, (host.name, desired)
    if key not in known:
        known[key] = _asked(host, desired)
    found: tuple[Resource, ...] | MoorError = known[key]
    if isinstance(found, MoorError):
        raise found.with_traceback(None)
    return found


def desired_of(task: Task, desired: Desired) -> Sequence[Resource]:
    """Return what ``desired`` returns for the task's host now."""
    return desired_ahead_of(task.host, desired) if task.is_dry_run() else desired(task.host)


def _asked(host: Host, desired: Desired) -> tuple[Resource, ...] | MoorError:
    try:
        return tuple(desired(host))
    except MoorError as error:
        return error
