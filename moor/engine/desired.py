"""The desired state of a host, computed once a run and stage, and once for hosts that are alike.

In a dry run nothing changes, so one value serves the input check, the observation and the stage itself. An apply
computes it again in each stage, since an earlier stage may have made what this one needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import context_of
from moor.engine.alike import Alike
from moor.engine.resource_list import ResourceList
from moor.errors import InputError, MoorError
from moor.resources.base import Resource
from moor.settings.modules import failure_in_site, name_in_site

Desired = Callable[[Host], Sequence[Resource]]


def function_beside(task: Callable[..., object], name: str) -> Callable[..., object] | None:
    """Return the function ``name`` that the task's module defines; one that it imports does not count."""
    module = task.__module__
    found = getattr(sys.modules.get(module), name, None)
    return found if callable(found) and getattr(found, "__module__", "") == module else None


def desired_beside(task: Callable[..., object]) -> Desired | None:
    """Return the function ``desired`` of the task's module, None where it has none."""
    return cast("Desired | None", function_beside(task, "desired"))


def desired_ahead_of(host: Host, desired: Desired) -> Sequence[Resource]:
    """Return the host's desired state as of before the first stage; raise what ``desired`` raised then.

    Hosts for which ``desired`` has read the same values share one list of resources.
    """
    known, key = context_of(host).desired, (host.name, desired)
    if key not in known:
        known[key] = _compute(host, desired, known)
    found: ResourceList | MoorError = known[key]
    if isinstance(found, MoorError):
        raise found.with_traceback(None)
    return found


def desired_of(task: Task, desired: Desired) -> Sequence[Resource]:
    """Return the desired state of the task's host now."""
    return desired_ahead_of(task.host, desired) if task.is_dry_run() else desired(task.host)


def _compute(host: Host, desired: Desired, known: dict[tuple[str, Any], Any]) -> ResourceList | MoorError:
    alike: Alike[ResourceList] = known.setdefault(("", desired), Alike(partial(_resources_of, desired)))
    try:
        return alike.of(host)
    except MoorError as error:
        return error
    except Exception as error:  # a site's own module may fail in any way
        if words := failure_in_site(error, desired.__module__):
            return InputError(words)
        raise


def _resources_of(desired: Desired, host: Host) -> ResourceList:
    found: object = desired(host)
    resources = tuple(found) if isinstance(found, Iterable) else (found,)
    if strange := [one for one in resources if not isinstance(one, Resource)]:
        raise InputError(
            f"{name_in_site(desired.__module__)}.desired: returns {strange[0]!r:.80}; return a list of resources"
        )
    return ResourceList(resources)
