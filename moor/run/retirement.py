"""Taking away what concerns left on hosts: a concern's module says it, in the function ``retired``.

``retired(host, leaves)`` returns the absence of what the concern once wrote on a host and the inventory no longer
says; with ``leaves``, of everything, since the host leaves the fleet. Nothing else has to know what a concern writes.

What is behind an API has no mark by which to know it as moor's. There, the kinds of resources in the module's constant
``REMEMBERED`` are looked up in history, which the function finds in the order (``RetirementOrder.written``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.names import OUTSIDERS
from moor.context import context_of, site_of
from moor.engine.converge import converge
from moor.engine.desired import desired_ahead_of, function_beside
from moor.errors import InputError, MoorError
from moor.resources.base import Resource
from moor.run.runbook import INSIDERS, Runbook, Stage
from moor.run.selection import all_stages, concern_of_stage

Retired = Callable[[Host, bool], Sequence[Resource]]


def retired_beside(stage: Stage) -> Retired | None:
    """Return the function ``retired`` of the module of a stage's task, None where it has none."""
    return cast("Retired | None", function_beside(stage.task, "retired"))


def retiring(host: Host, stages: Iterable[Stage], concerns: Sequence[str]) -> list[Retired]:
    """Return what concerns say of themselves for a host, the last one first, each once.

    A host with a shell is asked about all of them, since it may have left the group that a stage is for; any other,
    such as one that stands for an API, about those that run on it.

    Args:
        stages: of all runbooks
        concerns: their names; none for all
    """
    chosen = [
        stage
        for stage in stages
        if (not concerns or concern_of_stage(stage) in concerns) and (INSIDERS(host) or stage.runs_on(host))
    ]
    return list(dict.fromkeys(one for stage in reversed(chosen) if (one := retired_beside(stage))))


def remembered_kinds(stages: Iterable[Stage], concerns: Sequence[str]) -> list[str]:
    """Return the kinds of resources of which concerns have to know what earlier runs wrote."""
    modules = [
        sys.modules.get(stage.task.__module__)
        for stage in stages
        if concern_of_stage(stage) in concerns and retired_beside(stage)
    ]
    return list(dict.fromkeys(kind for module in modules for kind in getattr(module, "REMEMBERED", ())))


def refuse_unretirable(stages: Sequence[Stage], concerns: Sequence[str]) -> None:
    """Raise InputError for each concern that has nothing to remove on hosts."""
    known = list(dict.fromkeys(concern_of_stage(stage) for stage in stages if retired_beside(stage)))
    if wrong := [name for name in concerns if name not in known]:
        raise InputError(f"remove: {', '.join(wrong)}: nothing of it is removed on hosts; known: {', '.join(known)}")


def desired(host: Host) -> Sequence[Resource]:
    """Return the absence of everything that the order names."""
    order = context_of(host).retirement
    if order is None:
        return []
    stages, found = all_stages(site_of(host).directory).stages, list[Resource]()
    for retired in retiring(host, stages, order.concerns):
        found += [one for one in retired(host, order.leaves) if one not in found]  # two concerns may say the same
    return found


def retire(task: Task) -> Result:
    """Take away what concerns left on the host."""
    return converge(task, desired)


class Retiring(F):
    """The filter for the hosts that may have something of the order's concerns."""

    def __call__(self, host: Host) -> bool:
        order = context_of(host).retirement
        if order is None or host.has_parent_group(OUTSIDERS):
            return False
        return INSIDERS(host) or bool(retiring(host, all_stages(site_of(host).directory).stages, order.concerns))

    def __repr__(self) -> str:
        return "<Filter (hosts that may have something of retired concerns)>"


RETIREMENT = Runbook("remove", "What retired concerns left.", (Stage(retire, on=Retiring()),))


def still_wanted(hosts: Iterable[Host], stages: Sequence[Stage], concerns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each concern and host for which the inventory says it still."""
    for stage in stages:
        if concern_of_stage(stage) in concerns and retired_beside(stage) and (wanted := stage.desired):
            for host in hosts:
                try:
                    if stage.runs_on(host) and desired_ahead_of(host, wanted):
                        yield concern_of_stage(stage), host.name
                except MoorError:
                    continue
