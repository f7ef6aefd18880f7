"""The loop of the controllers: carries out their actions, then reads the cluster again."""

import logging
import threading
from functools import singledispatchmethod

from .. import kinds
from ..api.cluster import Cluster
from ..api.options import Options
from ..errors import ApiError
from ..objects import Object, clone, name_of, namespace_of, owner, timestamp, uid_of
from . import (
    claims,
    cronjobs,
    daemonsets,
    deployments,
    disruption,
    garbage,
    jobs,
    nodes,
    replicasets,
    scheduler,
    statefulsets,
)
from .creation import PodCreation
from .events import tell
from .snapshot import Action, Bind, Create, Delete, RecordEvent, Replace, Snapshot

log = logging.getLogger(__name__)

PLANS = (
    *(deployments.plan, replicasets.plan, statefulsets.plan, daemonsets.plan),
    *(cronjobs.plan, jobs.plan, claims.plan, scheduler.plan, nodes.plan, garbage.plan, disruption.plan),
)

PAUSE_S, LONGEST_PAUSE_S = 1.0, 4.0
"""How long the controllers rest after a round that did something, and after many that did nothing: some of what they do
depends on the clock alone."""

SETTLE_S = 0.02
"""Seconds to wait for a burst of writes to end."""


class Controllers:
    """All controllers over one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._creation = PodCreation(cluster)
        self._stopped = threading.Event()

    def start(self) -> threading.Thread:
        """Run in a new thread until stopped."""
        thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End the thread after its current round."""
        self._stopped.set()

    def _run(self) -> None:
        pause_s = PAUSE_S
        while not self._stopped.is_set():
            version, done = self._cluster.store.version, 1
            try:
                done = self.once()
            except Exception:
                log.exception("a round of the controllers failed")
            pause_s = PAUSE_S if done else min(pause_s * 2, LONGEST_PAUSE_S)
            self._cluster.store.wait(version, pause_s)
            self._stopped.wait(SETTLE_S)

    def once(self) -> int:
        """Do one round and return the number of its actions."""
        done = 0
        for plan in PLANS:
            snapshot = Snapshot(self._cluster.store.snapshot(), self._cluster.clock())
            for action in plan(snapshot):
                done += 1
                try:
                    self._do(action)
                except ApiError as error:
                    log.debug("%s: %s", type(action).__name__, error)
        return done

    @singledispatchmethod
    def _do(self, action: Action) -> None:
        raise TypeError(action)

    @_do.register
    def _(self, action: Create) -> None:
        by = owner(action.obj)
        if by and action.kind == kinds.POD:
            self._creation.create(action, by)
            return
        self._cluster.create(action.kind, namespace_of(action.obj), action.obj)
        if action.told:
            self._do(action.told)

    @_do.register
    def _(self, action: Replace) -> None:
        options = Options(subresource="status" if action.status else "")
        self._cluster.update(action.kind, namespace_of(action.obj), name_of(action.obj), action.obj, options)

    @_do.register
    def _(self, action: Delete) -> None:
        if action.kind == kinds.NAMESPACE:
            self._cluster.store.remove(action.kind, "", name_of(action.obj))
            return
        body: Object = {"preconditions": {"uid": uid_of(action.obj)}, "propagationPolicy": action.propagation}
        body |= {} if action.graceful else {"gracePeriodSeconds": 0}
        self._cluster.delete(action.kind, namespace_of(action.obj), name_of(action.obj), body)

    @_do.register
    def _(self, action: Bind) -> None:
        pod, now = clone(action.pod), timestamp(self._cluster.clock())
        pod["spec"]["nodeName"] = action.node
        scheduled = {
            "type": "PodScheduled",
            "status": "True",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "lastProbeTime": None,
            "lastTransitionTime": now,
        }
        others = [one for one in pod["status"].get("conditions", []) if one["type"] != "PodScheduled"]
        pod["status"]["conditions"] = [*others, scheduled]
        self._cluster.store.replace(kinds.POD, pod)

    @_do.register
    def _(self, action: RecordEvent) -> None:
        tell(self._cluster, action, self._cluster.clock())
