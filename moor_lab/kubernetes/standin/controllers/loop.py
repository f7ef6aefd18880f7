"""The loop of the controllers: carries out their actions, then reads the cluster again."""

import logging
import threading
from datetime import datetime, timedelta
from functools import singledispatchmethod

from .. import kinds
from ..api.cluster import Cluster, Options
from ..errors import ApiError
from ..objects import Object, clone, micro_timestamp, name_of, namespace_of, owner, timestamp, uid_of
from . import deployments, garbage, nodes, replicasets, scheduler
from .snapshot import Action, Bind, Create, Delete, RecordEvent, Replace, Snapshot

log = logging.getLogger(__name__)

PLANS = (deployments.plan, replicasets.plan, scheduler.plan, nodes.plan, garbage.plan)

PAUSE_S, LONGEST_PAUSE_S = 1.0, 4.0
"""How long the controllers rest after a round that did something, and after many that did nothing: some of what they do
depends on the clock alone."""

RETRY_S, RETRY_LONGEST_S = 1.0, 30.0
"""Seconds that a replica set waits after refused pods before it tries again, at first and at most."""

SETTLE_S = 0.02
"""Seconds to wait for a burst of writes to end."""


class Controllers:
    """All controllers over one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._held: dict[str, tuple[float, datetime]] = {}  # replica sets whose pods were refused, and until when
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
        if by is None or action.kind != kinds.POD:
            self._cluster.create(action.kind, namespace_of(action.obj), action.obj)
        else:
            self._create_pod(action, by)

    def _create_pod(self, action: Create, by: Object) -> None:
        """Create a pod of a replica set; retry a refused one with growing delays."""
        delay_s, until = self._held.get(by["uid"], (RETRY_S / 2, self._cluster.clock()))
        if self._cluster.clock() < until:
            return
        try:
            self._cluster.create(action.kind, namespace_of(action.obj), action.obj)
        except ApiError as error:
            delay_s = min(2 * delay_s, RETRY_LONGEST_S)
            self._held[by["uid"]] = delay_s, self._cluster.clock() + timedelta(seconds=delay_s)
            self._refused(namespace_of(action.obj), by["name"], str(error))
            return
        self._held.pop(by["uid"], None)
        if action.told:
            self._do(action.told)

    def _refused(self, namespace: str, name: str, why: str) -> None:
        """Record why the pods of a replica set are refused, in its status and as an event."""
        obj = self._cluster.store.get(kinds.REPLICA_SET, namespace, name)
        status = replicasets.failed(obj, why, self._cluster.clock())
        self._cluster.update(kinds.REPLICA_SET, namespace, name, status, Options(subresource="status"))
        words = f"Error creating: {why}"
        self._do(RecordEvent(kinds.REPLICA_SET, obj, replicasets.COMPONENT, "FailedCreate", words, "Warning"))

    @_do.register
    def _(self, action: Replace) -> None:
        options = Options(subresource="status" if action.status else "")
        self._cluster.update(action.kind, namespace_of(action.obj), name_of(action.obj), action.obj, options)

    @_do.register
    def _(self, action: Delete) -> None:
        if action.kind == kinds.NAMESPACE:
            self._cluster.store.remove(action.kind, "", name_of(action.obj))
            return
        body = {"preconditions": {"uid": uid_of(action.obj)}} | ({} if action.graceful else {"gracePeriodSeconds": 0})
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


def tell(cluster: Cluster, action: RecordEvent, now: datetime) -> None:
    """Record an event, or increase the count of an equal one."""
    namespace = namespace_of(action.obj) or "default"
    with cluster.store.lock:
        for event in cluster.store.select(kinds.EVENT, namespace)[0]:
            if _says(event, action):
                again = {"count": event.get("count", 1) + 1, "lastTimestamp": timestamp(now)}
                cluster.update(kinds.EVENT, namespace, name_of(event), event | again)
                return
        cluster.create(kinds.EVENT, namespace, new_event(action, namespace, now))


def _says(event: Object, action: RecordEvent) -> bool:
    about = event["involvedObject"].get("uid") == uid_of(action.obj)
    return about and (event.get("reason"), event.get("message")) == (action.reason, action.message)


def new_event(action: RecordEvent, namespace: str, now: datetime) -> Object:
    """Return the event in the format of its component: the scheduler uses the new one, all others the old one."""
    event: Object = {
        "metadata": {"name": f"{name_of(action.obj)}.{int(now.timestamp() * 1e9):x}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": action.kind.api_version,
            "kind": action.kind.kind,
            "name": name_of(action.obj),
            "namespace": namespace_of(action.obj),
            "resourceVersion": action.obj["metadata"].get("resourceVersion", ""),
            "uid": uid_of(action.obj),
        },
        "reason": action.reason,
        "message": action.message,
        "type": action.type,
        "reportingComponent": action.component,
    }
    if action.action:
        instance = f"{action.component}-standin"
        return event | {"action": action.action, "eventTime": micro_timestamp(now), "reportingInstance": instance}
    times = {"firstTimestamp": timestamp(now), "lastTimestamp": timestamp(now), "count": 1}
    return event | times | {"source": {"component": action.component}, "reportingInstance": ""}
