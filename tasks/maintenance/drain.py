"""Draining a node before a restart that would end its pods, and returning it to the scheduler afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.converge import converge, read_missing, split_chosen
from moor.engine.desired import desired_of
from moor.engine.observation import discard_observation, observation_of
from moor.engine.plan import plan
from moor.errors import ErrorKind, HostError
from moor.progress import LOGGER
from moor.resources.base import Remote, Resource, State
from moor.settings import optional_settings_of
from moor.tasks.maintenance.cordon import Cordon, cordon_of, cordoned, is_cordoned, uncordoned
from moor.tasks.maintenance.node import ClusterNode
from moor.tasks.maintenance.pods import PodName, name_of, sort_pods
from moor.tasks.maintenance.settings import Drain, Maintenance

FIRST_PAUSE_S, PAUSE_S = 0.2, 3.0  # between two looks at what is awaited: the first, and the longest
READY_S = 120.0
RESTARTS = ("service:", "proxy:")  # how the ids of resources begin whose change restarts something
SCHEDULABLE = "may get pods"


def drain_of(host: Host) -> Drain | None:
    """Return how the host's node is drained; None if it is not."""
    found = optional_settings_of(host, Maintenance)
    return found.drain if found else None


def with_cordon(host: Host, resources: Sequence[Resource]) -> Sequence[Resource]:
    """Return the resources, and that the node is not left cordoned by a run of moor that died."""
    return [*resources, NodeSchedulable()] if drain_of(host) else resources


@dataclass(frozen=True)
class NodeSchedulable(Remote):
    """The host's node without a cordon of an earlier run of moor; cordons of others are not touched."""

    is_noted: ClassVar[bool] = False

    @property
    def id(self) -> str:
        return "cordon:node"

    def desired(self, actual: State | None) -> State | None:
        return {"node": SCHEDULABLE}

    def read(self, task: Task) -> State | None:
        node = ClusterNode.of(task)
        cordon = cordon_of(node.listed() if task.is_dry_run() else node.read())
        if cordon is None or not _is_left(task, cordon):
            return {"node": SCHEDULABLE}
        return {"node": f"cordoned {cordon}"}

    def write(self, task: Task, actual: State | None) -> None:
        uncordon(ClusterNode.of(task))


def _is_left(task: Task, cordon: Cordon) -> bool:
    return cordon.run != context_of(task).run and cordon.is_over(datetime.now(UTC))


def converge_drained(task: Task, desired: Callable[[Host], Sequence[Resource]]) -> Result:
    """Bring a host to its desired state; if that restarts a service and the inventory says so, drain its node first.

    Raises:
        HostError: as ``converge``; or the node could not be drained, and nothing was changed.
    """
    drain = drain_of(task.host)
    if drain is None or task.is_dry_run() or not _restarts(task, desired):
        return converge(task, desired)
    node = ClusterNode.of(task)
    own = Cordon.by_this(context_of(task).run, drain.timeout_s)
    cordon(node, own)
    try:
        evict_pods(node, drain)
    except Exception:
        uncordon(node)
        raise
    discard_observation(task.host)  # that took a while
    try:
        done = converge(task, desired)
        await_ready(node)
    except HostError as error:
        node.patch(lambda tree: cordoned(replace(own, pid=0), tree) if cordon_of(tree) == own else None)
        words = f"{error}\nnode {node.name} stays cordoned until moor apply succeeds on it, or kubectl uncordon"
        raise HostError(words, error.kind) from error
    uncordon(node)
    return done


def _restarts(task: Task, desired: Callable[[Host], Sequence[Resource]]) -> bool:
    """Return whether converging will restart a service: something of a service changes, and nothing is refused."""
    resources, seen = desired_of(task, desired), observation_of(task.host)
    read_missing(task, resources, seen)
    changes, _ = split_chosen(task, plan(resources, seen.states, seen.planned))
    approved = context_of(task).approved
    planned = {change.id for change in changes} if approved is None else approved.get(task.host.name, frozenset())
    if any(c.id not in planned or c.resource.refusal(c.actual, c.desired) for c in changes):
        return False
    return any(change.id.startswith(RESTARTS) for change in changes)


def cordon(node: ClusterNode, own: Cordon) -> None:
    """Cordon a node, unless somebody else has; take over the cordon of a run that died.

    Raises:
        HostError: another run of moor drains it now.
    """

    def patch(tree: Any) -> dict[str, Any] | None:
        known = cordon_of(tree)
        if known and known.run != own.run and not known.is_over(datetime.now(UTC)):
            raise HostError(f"node {node.name} is cordoned {known}, which works still; wait for it", ErrorKind.CONFLICT)
        return None if is_cordoned(tree) and known is None else cordoned(own, tree)

    node.patch(patch)


def uncordon(node: ClusterNode) -> None:
    """Take moor's cordon from a node; the cordon of somebody else stays."""
    node.patch(lambda tree: uncordoned(tree) if cordon_of(tree) else None)


def evict_pods(node: ClusterNode, drain: Drain) -> None:
    """Evict the pods of a node that do not belong to it, and wait until they are gone.

    Raises:
        HostError: some must not be evicted, or were not let go in time.
    """
    found = sort_pods(node.pods(), drain)
    if found.refused:
        lines = [f"node {node.name} is not drained: pod {pod}: {words}" for pod, words in found.refused.items()]
        raise HostError("\n".join(lines), ErrorKind.UNMET)
    end = time.monotonic() + drain.timeout_s
    going, pause_s = set[PodName](), FIRST_PAUSE_S
    left, held = found.leaving, dict[PodName, str]()
    while left:
        for pod in [pod for pod in left if pod not in going]:
            held[pod] = node.evict(pod, drain.grace_s)
            going |= {pod} if not held[pod] else set()
        LOGGER.info("%s: %s", node.name, _told(left, held))
        if time.monotonic() >= end:
            raise HostError(
                f"node {node.name} is not drained within {drain.timeout_s} s: {_told(left, held)}", ErrorKind.TIMEOUT
            )
        time.sleep(min(pause_s, max(0.0, end - time.monotonic())))
        pause_s = min(pause_s * 2, PAUSE_S)
        there = {name_of(pod) for pod in node.pods()}
        left = tuple(pod for pod in left if pod in there)


def _told(left: Sequence[PodName], held: dict[PodName, str]) -> str:
    """Return which pods are left, and why those that are kept are."""
    return "; ".join(f"pod {pod} {f'is kept: {held[pod]}' if held.get(pod) else 'is ending'}" for pod in left)


def await_ready(node: ClusterNode) -> None:
    """Wait until the node is ready again; raise HostError if it is not in time."""
    from moor.inventory.nodes import node_of

    end = time.monotonic() + READY_S
    while words := node_of(node.read()).trouble:
        if time.monotonic() >= end:
            raise HostError(f"node {node.name} is not ready within {READY_S:.0f} s: {words}", ErrorKind.UNHEALTHY)
        time.sleep(PAUSE_S)
