"""Whether a Deployment is rolled out, and why not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.errors import ErrorKind, HostError
from moor.resources.base import Remote, State
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_right
from moor.tasks.workload.rollout_troubles import Pods, Trouble, newest, quiet, troubles

PAUSE_S = 1.0
OLDER = "older than "
UNSEEN = "not yet seen by the cluster"


@dataclass(frozen=True)
class Rollout(Remote):
    """A Deployment that is rolled out: every replica is of the newest template and available. Mending is waiting.

    Waiting ends before ``wait_s`` where it is in vain: at once, or as soon as a trouble has stood for as long as its
    kind may take to pass.
    """

    namespace: str
    name: str
    wait_s: int = 300

    @property
    def id(self) -> str:
        return f"rollout:{self.namespace}/{self.name}"

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        return {"rollout": "complete"}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        deployment = f"deployment:{self.namespace}/{self.name}"
        return {"rollout": f"{OLDER}{deployment}"} if deployment in paths else actual

    def read(self, task: Task) -> State | None:
        found = self._deployment(task)
        return {"rollout": progress(found)} if found else None

    def write(self, task: Task, actual: State | None) -> None:
        began = time.monotonic()
        watch = RolloutWatch(fresh=actual is None or str(actual["rollout"]).startswith(OLDER))
        while True:
            deployment = self._deployment(task, began + self.wait_s)
            how = progress(deployment) if deployment else "gone"
            if how == "complete":
                return
            found: list[Trouble] = []
            if deployment and how != UNSEEN:
                found = troubles(deployment, self._pods(task, deployment, began + self.wait_s))
            now = time.monotonic()
            if watch.in_vain(found, now):
                lasted = f"after {now - began:.0f} s ({how}), and waiting is in vain"
                raise HostError(f"not complete {lasted}: {said(found)}; {self._remedy}", ErrorKind.UNHEALTHY)
            if now - began >= self.wait_s:
                words = said(found) or "no pod says why"
                raise HostError(
                    f"not complete after {self.wait_s} s ({how}): {words}; {self._remedy}", ErrorKind.UNHEALTHY
                )
            time.sleep(PAUSE_S)

    @property
    def _remedy(self) -> str:
        return f"moor diagnose -n {self.namespace} {self.name} looks for what mends it"

    def _deployment(self, task: Task, until: float | None = None) -> Tree | None:
        kind = untyped_class("apps/v1", "Deployment")
        try:
            return as_dict(ask(task, self.id, lambda c: c.get(kind, self.name, namespace=self.namespace), until))
        except HostError as error:
            if is_missing(error):
                return None
            raise

    def _pods(self, task: Task, deployment: Tree, until: float) -> Pods:
        """Return the pods of the newest template, and their events where nothing else says why one waits."""
        chosen: Tree = {"labels": deployment["spec"]["selector"].get("matchLabels") or None}
        sets = self._list(task, until, "apps/v1", "ReplicaSet", **chosen)
        latest = newest(deployment, sets)
        pods = [pod for pod in self._list(task, until, "v1", "Pod", **chosen) if _owner(pod) in latest or not sets]
        about: Tree = {"fields": {"involvedObject.kind": "Pod"}}
        events = self._list(task, until, "v1", "Event", **about) if any(map(quiet, pods)) else []
        return Pods(tuple(pods), tuple(events), tuple(one for one in sets if one["metadata"]["uid"] in latest))

    def _list(self, task: Task, until: float, version: str, kind: str, **chosen: Any) -> list[Tree]:
        """Return the namespace's objects of a kind; none where the user may not list them."""
        what = untyped_class(version, kind)
        try:
            found = ask(task, self.id, lambda c: list(c.list(what, namespace=self.namespace, **chosen)), until)
        except HostError as error:
            if lacks_right(error):
                return []
            raise
        return [as_dict(one) for one in found]


@dataclass
class RolloutWatch:
    """For how long each trouble has been seen.

    fresh: the Deployment was changed in this run, so that no trouble is of before what mended it.
    """

    fresh: bool
    since: dict[str, float] | None = None
    former: frozenset[str] = frozenset()

    def in_vain(self, found: list[Trouble], now: float) -> bool:
        """Return whether a trouble has stood for as long as it may.

        One that was there as the wait began may be of before what mended it, and is tried again ever more rarely.
        """
        if self.since is None and not self.fresh:
            self.former = frozenset(one.key for one in found if one.backs_off)
        self.since = {one.key: (self.since or {}).get(one.key, now) for one in found}
        counted = [one for one in found if not (one.backs_off and one.key in self.former)]
        return any(now - self.since[one.key] >= one.patience_s for one in counted)


def said(found: list[Trouble]) -> str:
    """Return the words of all troubles, each once."""
    return "; ".join(dict.fromkeys(one.words for one in found))


def _owner(pod: Tree) -> str:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), "")


def progress(deployment: Mapping[str, Any]) -> str:
    """Return how far a Deployment's rollout is; ``complete`` once nothing is left to do."""
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < (deployment.get("metadata") or {}).get("generation", 0):
        return UNSEEN
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated == available == status.get("replicas", 0) == wanted:
        return "complete"
    return f"{updated} of {wanted} updated, {available} available"
