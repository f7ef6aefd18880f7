"""Whether what moor applied is rolled out, and why not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing, untyped_class
from moor.errors import ErrorKind, HostError
from moor.resources.base import Remote, State
from moor.tasks.cluster.api import Tree, as_dict, ask, lacks_right
from moor.tasks.workload.pod_troubles import Trouble, needs_events
from moor.tasks.workload.progress import API_VERSIONS, COMPLETE, UNSEEN, progress
from moor.tasks.workload.rollout_troubles import (
    CLAIM,
    RolloutPods,
    find_troubles,
    newest_replica_sets,
    waits_for_claims,
)

PAUSE_S = 1.0
OLDER = "older than "


@dataclass(frozen=True)
class Rollout(Remote):
    """An object that is rolled out: every pod has the newest template and is available; to mend is to wait.

    The wait ends before ``wait_s`` once a trouble has lasted longer than troubles of its kind may take to pass.

    Attributes:
        namespace: empty for an object of the whole cluster
    """

    namespace: str
    name: str
    wait_s: int = 300
    kind: str = "Deployment"

    @property
    def id(self) -> str:
        kind = "" if self.kind == "Deployment" else f"{self.kind.lower()}/"
        return f"rollout:{self._place}{kind}{self.name}"

    @property
    def _place(self) -> str:
        return f"{self.namespace}/" if self.namespace else ""

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        return {"rollout": COMPLETE}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        applied = f"{self.kind.lower()}:{self._place}{self.name}"
        return {"rollout": f"{OLDER}{applied}"} if applied in paths else actual

    def read(self, task: Task) -> State | None:
        found = self._owner(task)
        return {"rollout": progress(found)} if found else None

    def write(self, task: Task, actual: State | None) -> None:
        began = time.monotonic()
        watch = RolloutWatch(fresh=actual is None or str(actual["rollout"]).startswith(OLDER))
        while True:
            owner = self._owner(task, began + self.wait_s)
            how = progress(owner) if owner else "gone"
            if how == COMPLETE:
                return
            found: list[Trouble] = []
            if owner and how != UNSEEN and "template" in (owner.get("spec") or {}):
                found = find_troubles(owner, self._pods(task, owner, began + self.wait_s))
            now = time.monotonic()
            if watch.in_vain(found, now):
                lasted = f"after {now - began:.0f} s ({how}), and waiting longer would not help"
                raise HostError(f"not complete {lasted}: {join_words(found)}; {self._remedy}", ErrorKind.UNHEALTHY)
            if now - began >= self.wait_s:
                words = join_words(found) or "no pod gives a reason"
                raise HostError(
                    f"not complete after {self.wait_s} s ({how}): {words}; {self._remedy}", ErrorKind.UNHEALTHY
                )
            time.sleep(PAUSE_S)

    @property
    def _remedy(self) -> str:
        if not self.namespace:
            return f"run kubectl describe {self.kind.lower()} {self.name} to find the cause"
        return f"run moor diagnose -n {self.namespace} {self.name} to find the cause"

    def _owner(self, task: Task, until: float | None = None) -> Tree | None:
        kind = untyped_class(API_VERSIONS[self.kind], self.kind)
        place = {"namespace": self.namespace} if self.namespace else {}
        try:
            found = as_dict(ask(task, self.id, lambda c: c.get(kind, self.name, **place), until))
        except HostError as error:
            if is_missing(error):
                return None
            raise
        return {"kind": self.kind, **found}

    def _pods(self, task: Task, owner: Tree, until: float) -> RolloutPods:
        """Return the pods of the newest template, and events if they tell more than the pods do."""
        chosen: Tree = {"labels": (owner["spec"].get("selector") or {}).get("matchLabels") or None}
        sets = self._list(task, until, "apps/v1", "ReplicaSet", **chosen) if self.kind == "Deployment" else []
        latest = newest_replica_sets(owner, sets) if sets else {str(owner["metadata"].get("uid"))}
        every = self.kind == "Deployment" and not sets
        pods = [pod for pod in self._list(task, until, "v1", "Pod", **chosen) if every or _controller(pod) in latest]
        about: Tree = {"fields": {"involvedObject.kind": "Pod"}}
        events = self._list(task, until, "v1", "Event", **about) if any(map(needs_events, pods)) else []
        if waits_for_claims(pods, events):
            events += self._list(task, until, "v1", "Event", fields={"involvedObject.kind": CLAIM})
        if self.kind != "Deployment":  # it has no condition that tells why its pods are refused
            named = {"involvedObject.kind": self.kind, "involvedObject.name": self.name}
            events += self._list(task, until, "v1", "Event", fields=named)
        return RolloutPods(tuple(pods), tuple(events), tuple(one for one in sets if one["metadata"]["uid"] in latest))

    def _list(self, task: Task, until: float, version: str, kind: str, **chosen: Any) -> list[Tree]:
        """Return the namespace's objects of a kind; an empty list if the user may not list them."""
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
    """The time for which each trouble of a rollout has been seen.

    Attributes:
        fresh: the Deployment was changed in this run, so that every trouble is newer than the change
        since: when each trouble was first seen, by its key
        former: keys of troubles that may be older than what was mended
    """

    fresh: bool
    since: dict[str, float] | None = None
    former: frozenset[str] = frozenset()

    def in_vain(self, found: list[Trouble], now: float) -> bool:
        """Return whether a trouble has lasted longer than it may.

        One that was present when the wait began does not count if it is retried with growing delays, since it may be
        older than what was mended.
        """
        if self.since is None and not self.fresh:
            self.former = frozenset(one.key for one in found if one.backs_off)
        self.since = {one.key: (self.since or {}).get(one.key, now) for one in found}
        counted = [one for one in found if not (one.backs_off and one.key in self.former)]
        return any(now - self.since[one.key] >= one.patience_s for one in counted)


def join_words(found: list[Trouble]) -> str:
    """Return the descriptions of all troubles, each once."""
    return "; ".join(dict.fromkeys(one.words for one in found))


def _controller(pod: Tree) -> str:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), "")
