"""Events of the controllers; a repeated one is counted."""

import zlib
from datetime import datetime

from .. import kinds
from ..api.cluster import Cluster
from ..objects import Object, micro_timestamp, name_of, namespace_of, timestamp, uid_of
from .snapshot import RecordEvent


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
    number = int(now.timestamp() * 1e9) + zlib.crc32(f"{action.reason} {action.message}".encode())  # one instant, many
    event: Object = {
        "metadata": {"name": f"{name_of(action.obj)}.{number:x}", "namespace": namespace},
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
