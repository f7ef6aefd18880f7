"""Runbooks: stages in their order, the hosts of each, and how many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import cast

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.names import OUTSIDERS, SHELL, connection_of
from moor.context import context_of, runs_registry, serves_registry
from moor.engine.desired import Desired, desired_beside, function_beside
from moor.settings.modules import name_in_site
from moor.settings.roles import HARBOR

TaskFunction = Callable[[Task], Result]


def members(*groups: str) -> F:
    """Return the filter for hosts of any of ``groups``, parent groups included."""
    return reduce(or_, (F(has_parent_group=group) for group in groups))


def either(*filters: F) -> F:
    """Return the filter for hosts of any of ``filters``."""
    return reduce(or_, filters)


class Insiders(F):
    """The filter for hosts that have a shell and are not in the group ``outsiders``, on which nothing is changed."""

    def __call__(self, host: Host) -> bool:
        return connection_of(host) == SHELL and not host.has_parent_group(OUTSIDERS)


INSIDERS = Insiders()


class RegistryHost(F):
    """The filter for the host for which the controller asks the registry, whoever runs that."""

    def __call__(self, host: Host) -> bool:
        name = context_of(host).registry_host
        return host.name == name if name else host.has_parent_group(HARBOR) and serves_registry(host)

    def __repr__(self) -> str:
        return "<Filter (the registry's host, or one that stands for it)>"


class OwnRegistry(F):
    """The filter for the hosts on which moor runs the registry, the standby's too; none where somebody else does."""

    def __call__(self, host: Host) -> bool:
        return runs_registry(host) and host.has_parent_group(HARBOR)

    def __repr__(self) -> str:
        return "<Filter (the registry's hosts, where moor runs it)>"


class ServingRegistry(F):
    """The filter for the host on which moor runs the registry that serves its name; none where somebody else does."""

    def __call__(self, host: Host) -> bool:
        return OWN_REGISTRY(host) and serves_registry(host)

    def __repr__(self) -> str:
        return "<Filter (the registry's host that serves, where moor runs it)>"


class EveryRegistry(F):
    """The filter for the hosts for which the controller asks a registry, the standby's too."""

    def __call__(self, host: Host) -> bool:
        return REGISTRY(host) or OWN_REGISTRY(host)

    def __repr__(self) -> str:
        return "<Filter (the registry's hosts, or one that stands for it)>"


REGISTRY, OWN_REGISTRY = RegistryHost(), OwnRegistry()
SERVING_REGISTRY, EVERY_REGISTRY = ServingRegistry(), EveryRegistry()


@dataclass(frozen=True)
class Rolling:
    """How a stage that disrupts its hosts goes over them, batch by batch.

    Attributes:
        batch: the number of hosts at once; 0 for all.
        max_failures: the number of hosts that may fail; after one more, the stage leaves out the other hosts.
        pause_s: the pause between batches.
        health: a task that checks each batch after the stage; a host on which it fails counts as failed.
    """

    batch: int = 0
    max_failures: int = 0
    pause_s: float = 0
    health: TaskFunction | None = None


ONE_BY_ONE = Rolling(batch=1)


@dataclass(frozen=True)
class Stage:
    """One task on some hosts.

    Attributes:
        task: the Nornir task.
        on: Nornir's filter for the hosts; by default ``INSIDERS``.
        rolling: the batches; by default all hosts at once.
        needs: a group or a filter; if one of its hosts has failed before, an apply skips the stage on all hosts.
        by_api: the task asks an API and not the host, so that a check includes hosts that were not reached.
        concern: the concern that a command names to have the stage run; by default that of the task's module.
        ahead: other hosts need what it makes, so that a roll-out takes its hosts before the canary.
        looks: the task changes nothing, so that it opens no maintenance window and calls no hook.
    """

    task: TaskFunction
    on: F | None = None
    rolling: Rolling = Rolling()
    needs: str | F = ""
    by_api: bool = False
    concern: str = ""
    ahead: bool = False
    looks: bool = False

    def __post_init__(self) -> None:
        if not callable(self.task):
            raise TypeError("a stage's task is a function; write Stage(my_task)")
        if self.on is not None and not callable(self.on):
            raise TypeError("a stage's on is a filter; write on=members('nodes') for a group")
        if not isinstance(self.rolling, Rolling):
            raise TypeError("a stage's rolling is a Rolling; write rolling=Rolling(batch=2)")

    @property
    def name(self) -> str:
        return self.task.__name__

    @property
    def title(self) -> str:
        """Return the task's dotted name, as the author of a site's module knows it."""
        return f"{name_in_site(self.task.__module__)}.{self.name}"

    @property
    def desired(self) -> Desired | None:
        """Return the function ``desired`` of the task's module, None where it has none.

        A run asks it for the resources of all stages, so that it reads a host in one round trip.
        """
        return desired_beside(self.task)

    @property
    def judge(self) -> Callable[[Host], None] | None:
        """Return the function ``judge`` of the task's module, None where it has none.

        It raises UnfitInput for input that is well-formed and would not work.
        """
        return cast("Callable[[Host], None] | None", function_beside(self.task, "judge"))

    def depends_on(self, host: Host) -> bool:
        """Return whether an apply skips the stage if ``host`` has failed before."""
        if isinstance(self.needs, str):
            return bool(self.needs) and host.has_parent_group(self.needs)
        return bool(self.needs(host))

    def runs_on(self, host: Host) -> bool:
        """Return whether the stage runs on ``host``."""
        return bool((INSIDERS if self.on is None else self.on)(host))


@dataclass(frozen=True)
class Runbook:
    """A named sequence of stages.

    Attributes:
        about: the operator's page.
        proves: drift checks leave it out, since it proves, as verify does, or prepares what another runbook plans.
        looks: drift checks include it, but unattended mending does not.
        independent: a host that failed in one stage still runs the next, since nothing is changed.
        command: what the command of the runbook's name needs; see ``moor.run.protocols``.
    """

    name: str
    about: str
    stages: tuple[Stage, ...]
    proves: bool = False
    looks: bool = False
    independent: bool = False
    command: object = None

    def __post_init__(self) -> None:
        if not isinstance(self.stages, tuple) or not all(isinstance(stage, Stage) for stage in self.stages):
            raise TypeError("stages is a tuple of Stage; write (Stage(my_task),), with the comma")


@dataclass(frozen=True)
class Skipped:
    """The hosts on which a stage did not run, and the reason.

    Attributes:
        stage: empty where no stage ran on the hosts.
        foreseen: a plan ran it all the same; an apply would not.
        stops: the roll-out stopped before the turn of these hosts.
        failed: the hosts failed for the reason; without hosts it is a warning.
    """

    stage: str
    hosts: tuple[str, ...]
    reason: str
    foreseen: bool = False
    stops: bool = False
    failed: bool = False
